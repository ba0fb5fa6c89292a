"""A runtime that answers as the test says, byte by byte where that matters, and tells what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.webui.unix_server import UnixServer

Headers = list[tuple[str, str]]


@dataclass
class Asked:
    """One request as it came. `body` grows; `is_closed` is set once the other side has ended the connection."""

    method: str
    target: str
    headers: Headers
    body: bytearray = field(default_factory=bytearray)
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


Script = Callable[[Asked, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def whole(body: bytes, *, status: str = "200 OK", kind: str = "application/json", headers: Headers | None = None) -> Script:
    """Reads the body, then answers at once."""

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers or []]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if asked.method == "HEAD" else body))
        await writer.drain()

    return script


def stream(*pieces: bytes, kind: str = "application/x-ndjson", cut: bool = False) -> Script:
    """Each piece a chunk of its own; `cut`: the connection ends before the last chunk."""

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer, kind)
        for piece in pieces:
            await send_chunk(writer, piece)
        if cut:
            writer.close()
        else:
            await send_chunk(writer, b"")

    return script


async def begin_stream(writer: asyncio.StreamWriter, kind: str = "application/x-ndjson") -> None:
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    await writer.drain()


async def send_chunk(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    await writer.drain()


async def read_body(asked: Asked, reader: asyncio.StreamReader) -> None:
    if asked.header("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            asked.body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        asked.body += await reader.readexactly(int(asked.header("content-length") or 0))


class ScriptedUpstream(UnixServer):
    """`scripts` by "METHOD /path"; another path is answered as Ollama's router does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        #: Set with each request.
        self.has_come = asyncio.Event()
        self.scripts: dict[str, Script] = {}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _version = head[0].split(" ")
        fields = [line.partition(": ") for line in head[1:]]
        asked = Asked(method, target, [(name, value) for name, _, value in fields])
        self.asked.append(asked)
        self.has_come.set()
        script = self.scripts.get(f"{method} {target}", whole(b"404 page not found", status="404 Not Found", kind="text/plain"))
        await script(asked, reader, writer)
        with suppress(ConnectionError):
            await reader.read()
        asked.is_closed.set()
