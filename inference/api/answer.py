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
from inference.api.lines import Content, event_line, final_line, output_line
from inference.errors import InferenceError
from inference.runner.messages import TokenLogprob
from inference.scheduler import Finished, Output, RequestStream

NDJSON_TYPE = "application/x-ndjson"


class Answer:
    """An ASGI application for one request; an endpoint returns it in place of a response."""

    def __init__(self, stream: RequestStream, *, model: str, content: Content, is_streaming: bool, wants_events: bool) -> None:
        self._stream = stream
        self._model = model
        self._content = content
        self._is_streaming = is_streaming
        self._wants_events = wants_events
        self._started_ns = time.monotonic_ns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = asyncio.create_task(self._cancel_on_disconnect(receive))
        try:
            if self._is_streaming:
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
            if isinstance(event, Output):
                if event.text or event.logprobs:
                    yield output_line(self._model, self._content, event)
            elif isinstance(event, Finished):
                yield self._final(event, Output("", 0))
            elif self._wants_events:
                yield event_line(event)

    async def _send_whole(self, send: Send) -> None:
        texts: list[str] = []
        logprobs: list[TokenLogprob] = []
        async for event in self._stream:
            if isinstance(event, Output):
                texts.append(event.text)
                logprobs += event.logprobs
            elif isinstance(event, Finished):
                body = msgspec.json.encode(self._final(event, Output("".join(texts), 0, logprobs)))
                await _send_start(send, JSON_TYPE, length=len(body))
                await _send_body(send, body, is_last=True)

    def _final(self, finished: Finished, output: Output) -> dict[str, Any]:
        elapsed = time.monotonic_ns() - self._started_ns
        return final_line(
            self._model, self._content, finished, output, total_duration_ns=elapsed, knows_hearth=self._wants_events
        )


async def _send_start(send: Send, media_type: str, length: int | None = None) -> None:
    headers = [(b"content-type", media_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": int(HTTPStatus.OK), "headers": headers})


async def _send_body(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
