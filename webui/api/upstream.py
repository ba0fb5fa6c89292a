"""The connection to the runtime for one request: bytes in both directions as they come, and no faster than they are taken.

An HTTP library costs more for each piece than the piece itself. Here a piece that arrives is looked at once, by llhttp, and
every request has a connection of its own: what one person's request leaves behind can never be read as part of another's.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from webui.services.inference_client import endpoint

_CONNECT_S = 5.0
#: Bytes of an answer that wait for the client before the runtime has to.
_MOST_WAITING = 128 * 1024
_LARGEST_HEAD = 64 * 1024

Headers = list[tuple[bytes, bytes]]


class UpstreamUnreachable(Exception):
    """Nothing answers at the runtime's address."""


class UpstreamBroken(Exception):
    """The connection ended, or what came is no HTTP, before the answer was whole."""


@dataclass(frozen=True)
class Head:
    """Of the answer; names are in lower case."""

    status: int
    headers: Headers


class Upstream(asyncio.Protocol):
    """Use `connect`. Closing it ends the request: the runtime stops computing."""

    def __init__(self, *, is_head_request: bool) -> None:
        self._is_head_request = is_head_request
        self._parser = httptools.HttpResponseParser(self)
        self._headers: Headers = []
        self._head: Head | None = None
        self._num_head_bytes = 0
        self._waiting: deque[bytes] = deque()
        self._num_waiting = 0
        self._is_whole = self._is_over = self._is_paused = self._has_length = False
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        #: Ended from here, not by the runtime.
        self.is_closed = False

    async def send(self, method: bytes, target: bytes, headers: Headers) -> None:
        lines = [method + b" " + target + b" HTTP/1.1", *(name + b": " + value for name, value in headers)]
        await self.write(b"\r\n".join(lines) + b"\r\n\r\n")

    async def write(self, data: bytes) -> None:
        """Returns once the connection takes more. Where it is over, nothing happens: reading says why."""
        if self._transport is None or self._is_over:
            return
        self._transport.write(data)
        if not self._writable.is_set():
            await self._writable.wait()

    async def write_chunk(self, data: bytes) -> None:
        if data:
            await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def write_last_chunk(self) -> None:
        await self.write(b"0\r\n\r\n")

    async def head(self) -> Head:
        """Raises UpstreamBroken."""
        while self._head is None:
            if self._is_over:
                raise UpstreamBroken
            await self._change()
        return self._head

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; what came while the last piece was being sent on is one piece. Raises UpstreamBroken."""
        while True:
            if self._waiting:
                piece = self._waiting.popleft() if len(self._waiting) == 1 else b"".join(self._waiting)
                self._waiting.clear()
                self._num_waiting = 0
                self._resume()
                yield piece
            elif self._is_whole:
                return
            elif self._is_over:
                raise UpstreamBroken
            else:
                await self._change()

    def close(self) -> None:
        """Nobody wants the rest."""
        self.is_closed = True
        self._end()

    def _end(self) -> None:
        self._is_over = True
        self._changed.set()
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _resume(self) -> None:
        if self._is_paused and self._transport is not None and not self._is_over:
            self._is_paused = False
            self._transport.resume_reading()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self._num_head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end()
        if self._head is None and self._num_head_bytes > _LARGEST_HEAD:
            self._end()
        if self._num_waiting > _MOST_WAITING and not self._is_paused and self._transport is not None and not self._is_over:
            self._is_paused = True
            self._transport.pause_reading()
        self._changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        if self._head is not None and not self._has_length and error is None and not self._is_over:
            # The end of the connection is the end of the body.
            self._is_whole = True
        self._is_over = True
        self._changed.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What llhttp calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = []
            return
        self._head = Head(status, self._headers)
        self._has_length = any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)
        if self._is_head_request or status in (204, 304):
            self._is_whole = self._has_length = True

    def on_body(self, data: bytes) -> None:
        if not self._is_whole:
            self._waiting.append(data)
            self._num_waiting += len(data)

    def on_message_complete(self) -> None:
        self._is_whole = self._head is not None


async def connect(*, is_head_request: bool = False) -> Upstream:
    """Raises UpstreamUnreachable."""
    base_url, socket_path = endpoint()
    loop = asyncio.get_running_loop()

    def make() -> Upstream:
        return Upstream(is_head_request=is_head_request)

    try:
        async with asyncio.timeout(_CONNECT_S):
            if socket_path is not None:
                _, upstream = await loop.create_unix_connection(make, socket_path)
            else:
                url = urlsplit(base_url)
                context = ssl.create_default_context() if url.scheme == "https" else None
                port = url.port or (443 if context else 80)
                _, upstream = await loop.create_connection(make, url.hostname or "", port, ssl=context)
    except (OSError, TimeoutError):
        raise UpstreamUnreachable from None
    return upstream


def upstream_target(path: str, query: bytes) -> tuple[bytes, Headers]:
    """The request target for a path that is already encoded, below the path of `HEARTH_INFERENCE_URL`, and the Host header."""
    base_url, socket_path = endpoint()
    url = urlsplit(base_url)
    host = "localhost" if socket_path is not None else url.netloc.rpartition("@")[2]
    target = (url.path.rstrip("/") + path).encode("ascii") + (b"?" + query if query else b"")
    return target, [(b"host", host.encode("ascii"))]


def is_trusted_socket() -> bool:
    """Whether the runtime hears who asks: only over its Unix socket does it believe that."""
    return endpoint()[1] is not None
