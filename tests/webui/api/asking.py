"""Asks the site's ASGI application as a server would, and reads the answer piece by piece."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Headers = list[tuple[bytes, bytes]]


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    is_whole: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asking:
    """One request under way."""

    def __init__(self, site: Any, scope: dict[str, Any], body: list[bytes]) -> None:
        self.answer = Answer()
        self._body = list(body)
        #: The body is announced to go on, and never does.
        self.withholds_end = False
        self._gone = asyncio.Event()
        self._changed = asyncio.Event()
        #: Cleared: the client takes nothing more.
        self.takes = asyncio.Event()
        self.takes.set()
        self.task = asyncio.ensure_future(site(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            piece = self._body.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._body) or self.withholds_end}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            assert not self.answer.status, "a second answer"
            self.answer.status = message["status"]
            self.answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            assert self.answer.status and not self.answer.is_whole
            self.answer.pieces.append(message["body"])
            self.answer.is_whole = not message["more_body"]
        self._changed.set()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not condition(self.answer):
                self._changed.clear()
                await self._changed.wait()

    async def leave(self) -> None:
        """The client goes away."""
        self._gone.set()
        async with asyncio.timeout(20):
            await self.task

    async def finished(self) -> Answer:
        async with asyncio.timeout(20):
            await self.task
        return self.answer


def begin(
    site: Any, method: str, target: str, *, key: str = "", json_body: Any = None, body: bytes | list[bytes] = b"", **more: Any
) -> Asking:
    """`more`: `headers` of the request, and fields of its ASGI scope."""
    content = json.dumps(json_body).encode() if json_body is not None else body
    pieces = content if isinstance(content, list) else [content]
    headers: Headers = [(b"host", b"hearth.example")]
    if key:
        headers.append((b"authorization", f"Bearer {key}".encode()))
    extra: Headers = more.pop("headers", [])
    if sum(map(len, pieces)) and not any(name in (b"transfer-encoding", b"content-length") for name, _ in extra):
        headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "root_path": "",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "headers": [*headers, *extra],
        "client": ["192.0.2.7", 50000], "server": ["192.0.2.1", 3000], **more,
    }  # fmt: skip
    return Asking(site, scope, pieces)


async def ask(site: Any, method: str, target: str, **options: Any) -> Answer:
    return await begin(site, method, target, **options).finished()
