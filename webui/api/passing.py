"""Passes one request to the runtime and its answer to the client, piece by piece, and no faster than the slower of the two."""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from inference.api.error_shapes import encode_error
from webui.api.cors import leave_to_read
from webui.api.headers import to_the_client, to_the_runtime
from webui.api.refusals import Refusal, runtime_away, runtime_broken, stopping
from webui.api.request import ApiRequest, ClientGone
from webui.api.upstream import Head, Upstream, UpstreamBroken, UpstreamUnreachable, connect, is_trusted_socket, upstream_target
from webui.api.usage import USAGE_HEADER, Usage, UsageReader, read_usage, reader_for

logger = logging.getLogger(__name__)
#: A list of models that is longer than this is not looked through.
_LARGEST_LIST = 64 * 1024 * 1024


@dataclass
class Passed:
    """What came of it. `is_whole`: the answer came to its end, `is_error`: which is an error; `is_sent`: the runtime has seen
    something of the request; `cut`: why it is ended from here. `request_id` is what the runtime knows the request by, "" where
    it was not told. `usage` is final where `is_usage_told`: else it is what the last line says, whichever that is."""

    is_sent: bool = False
    request_id: str = ""
    status: int = 0
    usage: Usage | None = None
    is_usage_told: bool = False
    is_whole: bool = False
    is_error: bool = False
    cut: Refusal | None = None

    @property
    def is_usage_missing(self) -> bool:
        """The runtime computed something and did not come to say how much."""
        if not (self.is_sent and self.request_id) or self.is_usage_told:
            return False
        return not self.is_whole or (self.is_error and self.status < HTTPStatus.BAD_REQUEST)


async def open_upstream(request: ApiRequest, *, body: bytes | None, caller: str, request_id: str = "") -> Upstream:
    """Sends the head, and the body where it has been read; else it is for `pump_body`. The runtime is told who asks, and under
    which `request_id` it is to keep what is computed, where it believes that: over its Unix socket. Raises Refusal."""
    try:
        upstream = await connect(is_head_request=request.method == "HEAD")
    except UpstreamUnreachable:
        raise runtime_away() from None
    target, headers = upstream_target(quote(request.path, safe="/:@!$&'()*+,;=~"), request.scope.get("query_string", b""))
    headers += to_the_runtime(request.scope["headers"])
    if caller and is_trusted_socket():
        headers.append((b"hearth-caller", caller.encode("ascii")))
        headers += [(b"hearth-request", request_id.encode("ascii"))] if request_id else []
    headers += [*_framing(request, body), (b"connection", b"close")]
    try:
        await upstream.send(request.method.encode("ascii"), target, headers)
        if body:
            await upstream.write(body)
    except BaseException:
        upstream.close()
        raise
    return upstream


def _framing(request: ApiRequest, body: bytes | None) -> list[tuple[bytes, bytes]]:
    if body is not None:
        return [(b"content-length", str(len(body)).encode())]
    if b"transfer-encoding" in request.headers:
        return [(b"transfer-encoding", b"chunked")]
    length = request.body_length
    return [] if length is None else [(b"content-length", str(length).encode())]


async def pass_on(request: ApiRequest, upstream: Upstream, *, is_body_sent: bool, passed: Passed) -> None:
    """Raises Refusal as long as nothing has been answered, and ClientGone. A body that did not come to its end is left
    unfinished, unless it could say so; so it is when the task is cancelled."""
    passed.is_sent = True
    pump = asyncio.create_task(_pump_body(request, upstream, is_body_sent=is_body_sent))
    try:
        await _answer(request, upstream, passed)
    except UpstreamBroken:
        if upstream.is_closed:
            raise ClientGone from None
        if not passed.status:
            raise runtime_broken() from None
    finally:
        pump.cancel()
        upstream.close()


async def _pump_body(request: ApiRequest, upstream: Upstream, *, is_body_sent: bool) -> None:
    """The body, then the watch for a client that goes away: its request ends with it."""
    is_chunked = b"transfer-encoding" in request.headers
    while (message := await request.receive())["type"] != "http.disconnect":
        if is_body_sent:
            continue
        body = message.get("body", b"")
        await (upstream.write_chunk(body) if is_chunked else upstream.write(body))
        if not message.get("more_body", False):
            is_body_sent = True
            if is_chunked:
                await upstream.write_last_chunk()
    upstream.close()


async def _answer(request: ApiRequest, upstream: Upstream, passed: Passed) -> None:
    head = await upstream.head()
    passed.status = head.status
    headers = dict(head.headers)
    reader = UsageReader() if USAGE_HEADER in headers else reader_for(headers.get(b"content-type", b""))
    passed.usage = read_usage(headers[USAGE_HEADER]) if USAGE_HEADER in headers else None
    passed.is_usage_told = passed.usage is not None
    await send_head(request, head)
    last = b""
    try:
        async for piece in upstream.pieces():
            if given := reader.take(piece):
                last = given
                await _send_piece(request, given)
    except UpstreamBroken:
        if not upstream.is_closed:
            await _send_failure(request, headers, last, runtime_broken())
        raise
    except asyncio.CancelledError:
        upstream.close()
        await _send_failure(request, headers, last, passed.cut or stopping())
        raise
    finally:
        passed.is_usage_told = passed.is_usage_told or reader.usage is not None
        held = reader.end()
        passed.usage = passed.usage or reader.usage
    passed.is_whole, passed.is_error = True, reader.is_error or head.status >= HTTPStatus.BAD_REQUEST
    await _send_piece(request, held, is_last=True)


async def send_head(request: ApiRequest, head: Head) -> None:
    headers = [*to_the_client(head.headers), (b"x-content-type-options", b"nosniff"), *leave_to_read(request.headers)]
    await request.send({"type": "http.response.start", "status": head.status, "headers": headers})


async def _send_piece(request: ApiRequest, piece: bytes, *, is_last: bool = False) -> None:
    await request.send({"type": "http.response.body", "body": piece, "more_body": not is_last})


async def _send_failure(request: ApiRequest, headers: dict[bytes, bytes], last: bytes, refusal: Refusal) -> None:
    """A stream that cannot go on ends with the error as the protocol has it. What is no stream of lines is cut off instead: a
    whole answer it must not seem to be."""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if b"content-length" in headers or kind not in (b"application/x-ndjson", b"text/event-stream"):
        return
    error = encode_error(refusal.error, refusal.status, request.path)
    if kind == b"application/x-ndjson":
        text = (b"" if last.endswith(b"\n") or not last else b"\n") + error + b"\n"
    else:
        event = b"event: error\n" if request.path.startswith(("/v1/messages", "/v1/responses")) else b""
        text = (b"" if last.endswith(b"\n\n") or not last else b"\n\n") + event + b"data: " + error + b"\n\n"
    await _send_piece(request, text, is_last=True)


async def read_answer(upstream: Upstream) -> tuple[Head, bytes]:
    """A short answer in whole. Raises Refusal."""
    try:
        head = await upstream.head()
        content = bytearray()
        async for piece in upstream.pieces():
            content += piece
            if len(content) > _LARGEST_LIST:
                raise UpstreamBroken
    except UpstreamBroken:
        raise runtime_broken() from None
    finally:
        upstream.close()
    return head, bytes(content)


async def send_whole(request: ApiRequest, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = [] if status == HTTPStatus.NO_CONTENT else [(b"content-length", str(len(body)).encode())]
    await request.send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await _send_piece(request, body, is_last=True)


async def send_refusal(request: ApiRequest, refusal: Refusal) -> None:
    kind, body = refusal.answer(request.path)
    headers = [(b"content-type", kind), *refusal.headers, *leave_to_read(request.headers)]
    await send_whole(request, refusal.status, headers, body)
