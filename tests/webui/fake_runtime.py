"""A runtime that does what a script says, over HTTP on a Unix socket: for the faults a real one cannot produce on demand.

The newest script answers `/api/chat`; each request is recorded as it came.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tests.webui.unix_server import UnixServer

Script = Callable[["Reply"], Awaitable[None]]
TAGS = {
    "models": [{"name": "smollm2:135m", "size": 98_000_000, "details": {"parameter_size": "135M", "quantization_level": "Q4_1"}}]
}
PS = {"models": [{"name": "smollm2:135m"}]}


class Reply:
    """The open connection of one request."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._has_head = False
        self.closed_by_client = asyncio.Event()

    async def head(self, status: int = 200, content_type: str = "application/x-ndjson") -> None:
        self._has_head = True
        self._writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n".encode())
        await self._writer.drain()

    async def raw(self, data: bytes) -> None:
        if not self._has_head:
            await self.head()
        self._writer.write(data)
        await self._writer.drain()

    async def line(self, **fields: Any) -> None:
        await self.raw(json.dumps(fields).encode() + b"\n")

    async def text(self, *parts: str) -> None:
        for part in parts:
            await self.line(model="m", message={"role": "assistant", "content": part}, done=False)

    async def thought(self, *parts: str) -> None:
        for part in parts:
            await self.line(model="m", message={"role": "assistant", "content": "", "thinking": part}, done=False)

    async def done(self, **fields: Any) -> None:
        counts = {"prompt_eval_count": 12, "eval_count": 3, "load_duration": 5_000_000, "eval_duration": 40_000_000}
        await self.line(
            **{"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", **counts, **fields}
        )

    async def refuse(self, status: int, **fields: Any) -> None:
        await self.head(status, "application/json")
        await self.raw(json.dumps(fields).encode())

    def cut(self) -> None:
        """As if the process had been killed."""
        self._writer.transport.abort()


def answer(*parts: str, **done: Any) -> Script:
    """A script that answers with `parts` at once."""

    async def script(reply: Reply) -> None:
        await reply.text(*parts)
        await reply.done(**done)

    return script


class FakeRuntime(UnixServer):
    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self.forgotten: asyncio.Queue[str] = asyncio.Queue()
        self.scripts: deque[Script] = deque()
        self.replies: list[Reply] = []
        self.tags: dict[str, Any] = TAGS

    def script(self, *scripts: Script) -> None:
        self.scripts.extend(scripts)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length)) if length else {}
        reply = Reply(writer)
        if path == "/api/hearth/forget":
            self.forgotten.put_nowait(body["scope"])
        if path != "/api/chat":
            await reply.refuse(200, **{"/api/tags": self.tags, "/api/ps": PS}.get(path, {"version": "0"}))
            return
        self.requests.append(body)
        self.replies.append(reply)
        script = asyncio.ensure_future(self.scripts.popleft()(reply))
        gone = asyncio.ensure_future(self._watch(reader, reply))
        with suppress(ConnectionError):
            await asyncio.wait({script, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not script.done():
                script.cancel()
            with suppress(asyncio.CancelledError):
                await script

    async def _watch(self, reader: asyncio.StreamReader, reply: Reply) -> None:
        with suppress(ConnectionError):
            await reader.read()
        reply.closed_by_client.set()
