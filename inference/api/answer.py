"""Sends the answer to a chat or generate request: as NDJSON while it grows, or as one object at its end.

An error before the first byte gets its own status; after it, it is one more line. A client that goes away ends the work.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from inference.api.errors import JSON_TYPE, error_body
from inference.api.lines import AnswerPart, Content, event_line, final_line, output_line, rendered_line
from inference.api.reading import AnswerReader, Reading, joined
from inference.errors import InferenceError
from inference.scheduler import Finished, Output, Rendered, RequestStream

NDJSON_TYPE = "application/x-ndjson"


class Answer:
    """An ASGI application for one request; an endpoint returns it in place of a response."""

    def __init__(
        self,
        stream: RequestStream,
        *,
        model: str,
        content: Content,
        is_streaming: bool,
        wants_events: bool,
        reading: Reading | None = None,
        is_render_only: bool = False,
    ) -> None:
        """`is_render_only`: the prompt is the answer."""
        self._stream = stream
        self._reader = AnswerReader(reading or Reading())
        self._is_render_only = is_render_only
        self._model = model
        self._content = content
        self._is_streaming = is_streaming
        self._wants_events = wants_events
        self._started_ns = time.monotonic_ns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = asyncio.create_task(self._cancel_on_disconnect(receive))
        try:
            if self._is_streaming and not self._is_render_only:
                await self._send_lines(send)
            else:
                await self._send_whole(send)
        finally:
            watcher.cancel()
            self._stream.cancel()

    async def _cancel_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.cancel()

    async def _send_lines(self, send: Send) -> None:
        has_begun = False
        try:
            async for line in self._lines():
                if not has_begun:
                    await _send_start(send, NDJSON_TYPE)
                    has_begun = True
                await _send_body(send, msgspec.json.encode(line) + b"\n")
        except InferenceError as error:
            if not has_begun:
                raise
            await _send_body(send, error_body(error) + b"\n")
        if has_begun:
            await _send_body(send, b"", is_last=True)

    async def _lines(self) -> AsyncIterator[dict[str, Any]]:
        async for event in self._stream:
            if isinstance(event, Rendered):
                self._note(event)
            elif isinstance(event, Output):
                for part in self._reader.read(event):
                    yield output_line(self._model, self._content, part)
            elif isinstance(event, Finished):
                for part in self._reader.finish():
                    yield output_line(self._model, self._content, part)
                yield self._final(event, AnswerPart())
            elif self._wants_events:
                yield event_line(event)

    async def _send_whole(self, send: Send) -> None:
        parts: list[AnswerPart] = []
        line: dict[str, Any] = {}
        async for event in self._stream:
            if isinstance(event, Rendered):
                self._note(event)
                line = rendered_line(self._model, event)
            elif isinstance(event, Output):
                parts += self._reader.read(event)
            elif isinstance(event, Finished):
                if not (self._is_render_only and line):
                    line = self._final(event, joined([*parts, *self._reader.finish()]))
                body = msgspec.json.encode(line)
                await _send_start(send, JSON_TYPE, length=len(body))
                await _send_body(send, body, is_last=True)

    def _note(self, rendered: Rendered) -> None:
        if rendered.is_thinking:
            self._reader.begin_thinking()

    def _final(self, finished: Finished, part: AnswerPart) -> dict[str, Any]:
        elapsed = time.monotonic_ns() - self._started_ns
        return final_line(self._model, self._content, finished, part, total_duration_ns=elapsed, knows_hearth=self._wants_events)


async def _send_start(send: Send, media_type: str, length: int | None = None) -> None:
    headers = [(b"content-type", media_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": int(HTTPStatus.OK), "headers": headers})


async def _send_body(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
