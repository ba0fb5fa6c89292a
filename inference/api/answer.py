"""Sends the answer to a request for text: as a stream while it grows, or whole at its end, in the words of a `Writer`.

An error before the first byte gets its own status; after it, it is one more piece of the stream. A client that goes away ends
the work.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from http import HTTPStatus

import msgspec
from starlette.types import Receive, Scope, Send

from inference.api.caller import is_forwarded
from inference.api.choice import Choice, events_of
from inference.api.direct_body import DirectBody, direct_body_of
from inference.api.errors import JSON_TYPE
from inference.api.lines import AnswerPart
from inference.api.reading import AnswerReader, joined
from inference.api.writer import WholeAnswer, Writer
from inference.errors import InferenceError
from inference.scheduler import Finished, Output, Prefilling, Rendered
from inference.scheduler.stream import Status

SSE_TYPE = "text/event-stream"
#: Of silence in a stream: nginx ends a connection after 60.
_MOST_SILENCE_S = 20.0
#: Asks a proxy in front of us, nginx above all, to pass each piece on as it comes.
_UNBUFFERED = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


class Answer:
    """An ASGI application for one request; an endpoint returns it in place of a response."""

    def __init__(
        self,
        choices: Sequence[Choice],
        writer: Writer,
        *,
        is_streaming: bool,
        headers: Sequence[tuple[bytes, bytes]] = (),
        most_silence_s: float = _MOST_SILENCE_S,
    ) -> None:
        """`headers` are beside those that every answer has."""
        self._choices = choices
        self._writer = writer
        self._is_streaming = is_streaming
        self._headers = headers
        self._readers = [AnswerReader(choice.reading) for choice in choices]
        self._begun = [False] * len(choices)
        self._rendered: list[Rendered | None] = [None] * len(choices)
        self._finished: dict[int, Finished] = {}
        self._most_silence_s = most_silence_s
        self._said_at = time.monotonic()
        #: What went wrong while a piece went out at once.
        self._error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = asyncio.create_task(self._cancel_on_disconnect(receive))
        try:
            if self._is_streaming:
                await self._send_stream(send, direct_body_of(scope), tells_usage=is_forwarded(scope))
            else:
                await self._send_whole(send, tells_usage=is_forwarded(scope))
        finally:
            watcher.cancel()
            self._cancel()

    async def _cancel_on_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._cancel()

    def _cancel(self) -> None:
        for choice in self._choices:
            choice.stream.cancel()

    async def _send_stream(self, send: Send, direct: DirectBody | None, *, tells_usage: bool) -> None:
        has_begun = False
        try:
            async for piece in self._pieces(tells_usage=tells_usage):
                if not has_begun:
                    content_type = (b"content-type", self._writer.media_type.encode())
                    await _send_start(send, [content_type, *_UNBUFFERED, *self._headers])
                    has_begun = True
                    # The pieces of several choices wait for each other on their way.
                    if direct is not None and len(self._choices) == 1:
                        self._choices[0].stream.deliver_to(partial(self._write_at_once, direct))
                await _send_body(send, piece)
        except InferenceError as error:
            if not has_begun:
                raise
            await _send_body(send, self._writer.failure(error))
        if self._error is not None:
            raise self._error
        if has_begun:
            await _send_body(send, b"", is_last=True)

    async def _pieces(self, *, tells_usage: bool) -> AsyncIterator[bytes]:
        writer = self._writer
        async for index, event in events_of(self._choices):
            piece = b""
            if isinstance(event, Output):
                piece = self._output(index, event)
            elif isinstance(event, Finished):
                self._finished[index] = event
                piece = self._begin(index) + self._write(index, self._readers[index].finish()) + writer.finish(index, event)
            elif isinstance(event, Rendered):
                self._note(index, event)
                if event.num_prompt_tokens:
                    piece = writer.event(Prefilling(0, event.num_prompt_tokens))
            else:
                piece = writer.event(event) or self._sign_of_life(event)
            if piece:
                self._said_at = time.monotonic()
                yield piece
        if len(self._finished) == len(self._choices):
            usage = self._usage_comment() if tells_usage and writer.media_type == SSE_TYPE else b""
            if last := usage + writer.end():
                yield last

    def _write_at_once(self, direct: DirectBody, output: Output) -> bool:
        """Whether it could be. Is called from the runner's connection, which is everybody's: what is wrong with this answer ends
        this answer."""
        if not direct.can_write:
            return False
        try:
            direct.write(self._output(0, output))
        except Exception as error:
            self._error = error
            self._cancel()
        return True

    def _output(self, index: int, output: Output) -> bytes:
        return self._begin(index) + self._write(index, self._readers[index].read(output))

    def _sign_of_life(self, status: Status) -> bytes:
        """Only when the model is loaded and the prompt accepted: what fails before gets its own status."""
        is_due = isinstance(status, Prefilling) and time.monotonic() - self._said_at >= self._most_silence_s
        return self._writer.sign_of_life() if is_due else b""

    def _begin(self, index: int) -> bytes:
        if self._begun[index]:
            return b""
        self._begun[index] = True
        return self._writer.begin(index)

    def _write(self, index: int, parts: Sequence[AnswerPart]) -> bytes:
        return b"".join(self._writer.part(index, part) for part in parts)

    async def _send_whole(self, send: Send, *, tells_usage: bool) -> None:
        parts: list[list[AnswerPart]] = [[] for _ in self._choices]
        async for index, event in events_of(self._choices):
            if isinstance(event, Rendered):
                self._note(index, event)
            elif isinstance(event, Output):
                parts[index] += self._readers[index].read(event)
            elif isinstance(event, Finished):
                parts[index] += self._readers[index].finish()
                self._finished[index] = event
        if len(self._finished) < len(self._choices):
            return
        answers = [WholeAnswer(joined(parts[i]), self._finished[i], self._rendered[i]) for i in range(len(parts))]
        body = msgspec.json.encode(self._writer.whole(answers))
        headers = [(b"content-type", JSON_TYPE.encode()), (b"content-length", str(len(body)).encode()), *self._headers]
        if tells_usage:
            headers.append((b"hearth-usage", msgspec.json.encode(self._usage())))
        await _send_start(send, headers)
        await _send_body(send, body, is_last=True)

    def _note(self, index: int, rendered: Rendered) -> None:
        self._rendered[index] = rendered
        self._readers[index].begin(rendered)

    def _usage(self) -> dict[str, int]:
        """The prompt counts once, however many choices were asked for."""
        prompts: dict[int, int] = {}
        for index, finished in self._finished.items():
            prompt = self._choices[index].prompt
            prompts[prompt] = max(prompts.get(prompt, 0), finished.stats.num_prompt_tokens)
        return {
            "prompt_tokens": sum(prompts.values()),
            "completion_tokens": sum(finished.stats.num_completion_tokens for finished in self._finished.values()),
        }

    def _usage_comment(self) -> bytes:
        """For the web process, which takes it off again; any other reader of such a stream passes comments over."""
        return b": usage " + msgspec.json.encode(self._usage()) + b"\n\n"


async def _send_start(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": int(HTTPStatus.OK), "headers": headers})


async def _send_body(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
