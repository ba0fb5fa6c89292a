"""A registry's evil twin: passes requests on to the real one, and does to the answers what a test wants done.

A fault is a function of the request and the answer; what it returns is sent. It may take its time.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import h11
import httpx

_PASSED_ON = ("accept", "range", "content-type", "authorization", "content-range")
_DROPPED = ("content-length", "transfer-encoding", "connection", "date")


@dataclass(frozen=True)
class Asked:
    """A request as it arrived. `target` with its query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def is_blob(self) -> bool:
        return "/blobs/sha256" in self.target

    @property
    def range(self) -> tuple[int, int] | None:
        """Of the bytes asked for: first, and one past the last."""
        value = self.headers.get("range", "")
        if not value:
            return None
        first, last = value.removeprefix("bytes=").split("-")
        return int(first), int(last) + 1


@dataclass(frozen=True)
class Sent:
    """An answer. `length` is what it claims when that is not the truth; `cut` ends the connection after so many bytes of the
    body; after `stall_at` bytes of it nothing comes any more, if it is longer."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    length: int | None = None
    cut: int | None = None
    stall_at: int | None = None


#: An answer that never comes: the connection ends.
LOST = Sent(0, {})

Fault = Callable[[Asked, Sent], Sent | Awaitable[Sent]]


@dataclass
class FaultyProxy:
    upstream: str
    tls: ssl.SSLContext | None = None
    fault: Fault = field(default=lambda asked, sent: sent)
    #: What befalls a request on its way: what is passed on in its place, or what is answered without passing it on.
    before: Callable[[Asked], Asked | Sent] = field(default=lambda asked: asked)
    asked: list[Asked] = field(default_factory=list)
    #: Bytes of bodies that were sent, by the path they were asked at.
    num_sent: dict[str, int] = field(default_factory=dict)
    _server: Any = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "FaultyProxy":
        self._http = httpx.AsyncClient(base_url=self.upstream, timeout=30)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if self.tls else 'http'}://{self.host}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def blob_requests(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.is_blob and asked.method == "GET"]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while (asked := await _read(connection, reader)) is not None:
            self.asked.append(asked)
            passed = self.before(asked)
            result = self.fault(asked, await self._pass_on(passed) if isinstance(passed, Asked) else passed)
            sent = await result if isinstance(result, Awaitable) else result
            if not await self._send(connection, writer, asked, sent):
                return
            connection.start_next_cycle()

    async def _pass_on(self, asked: Asked) -> Sent:
        headers = {key: value for key, value in asked.headers.items() if key in _PASSED_ON}
        # Whoever takes us for a proxy of the web sends the whole address.
        path = httpx.URL(asked.target).raw_path.decode()
        answer = await self._http.request(asked.method, path, headers=headers, content=asked.body)
        kept = {key: value for key, value in answer.headers.items() if key not in _DROPPED}
        if "location" in kept:
            kept["location"] = kept["location"].replace(self.upstream, self.url)
        length = int(answer.headers.get("content-length", 0)) if asked.method == "HEAD" else None
        return Sent(answer.status_code, kept, answer.content, length)

    async def _send(self, connection: h11.Connection, writer: asyncio.StreamWriter, asked: Asked, sent: Sent) -> bool:
        """False when the connection is to end here."""
        if sent is LOST:
            return False
        length = len(sent.body) if sent.length is None else sent.length
        headers = [*sent.headers.items(), ("content-length", str(length))]
        writer.write(connection.send(h11.Response(status_code=sent.status, headers=headers)) or b"")
        end = min(value for value in (sent.cut, sent.stall_at, len(sent.body)) if value is not None)
        path = asked.target.partition("?")[0]
        for start in range(0, end, 65536):
            piece = sent.body[start : min(start + 65536, end)]
            writer.write(piece)
            self.num_sent[path] = self.num_sent.get(path, 0) + len(piece)
            await writer.drain()
        if end == sent.stall_at and end < len(sent.body):
            await asyncio.Event().wait()
        if sent.cut is not None or (length != len(sent.body) and asked.method != "HEAD"):
            return False
        if asked.method != "HEAD":
            connection.send(h11.Data(data=sent.body))
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return True


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65536)
            if not data and request is None:
                return None
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            headers = {key.decode(): value.decode("latin-1") for key, value in request.headers}
            return Asked(request.method.decode(), request.target.decode(), headers, bytes(body))
        else:
            return None


def times(count: int, fault: Fault, when: Callable[[Asked], bool] = lambda asked: True) -> Fault:
    """The fault befalls the first `count` requests that `when` holds for."""
    left = count

    def limited(asked: Asked, sent: Sent) -> Sent | Awaitable[Sent]:
        nonlocal left
        if left <= 0 or not when(asked):
            return sent
        left -= 1
        return fault(asked, sent)

    return limited


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda asked, sent: Sent(status, named, body)


def cut_after(count: int) -> Fault:
    return lambda asked, sent: replace(sent, cut=min(count, max(len(sent.body) - 1, 0)))


def is_blob(asked: Asked) -> bool:
    return asked.is_blob and asked.method == "GET"


def is_manifest(asked: Asked) -> bool:
    return "/manifests/" in asked.target
