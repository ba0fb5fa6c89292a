"""Signs of life while a long prompt is computed."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from inference.api.answer import Answer
from inference.api.anthropic.writer import MessagesWriter
from inference.api.choice import Choice
from inference.api.lines import chat_content, generate_content
from inference.api.ndjson import NdjsonWriter
from inference.api.openai.chat_writer import ChatWriter
from inference.api.openai.completion_writer import CompletionWriter
from inference.api.responses.schemas import ResponsesBody
from inference.api.responses.writer import ResponsesWriter
from inference.api.writer import Writer
from inference.errors import ModelLoadFailed
from inference.runner.messages import RequestStats
from inference.scheduler import Finished, RequestStream
from inference.scheduler.stream import Loading, Prefilling, Queued

DONE = Finished("stop", RequestStats(), 0)
SCOPE = {"type": "http", "headers": [], "server": ("127.0.0.1", 11434)}


class Running:
    """An answer that is being sent; `sent` are the pieces of its body."""

    def __init__(self, writer: Writer, most_silence_s: float = 0, *, is_streaming: bool = True) -> None:
        self.stream = RequestStream(lambda: None)
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        answer = Answer([Choice(self.stream)], writer, is_streaming=is_streaming, most_silence_s=most_silence_s)
        self.task = asyncio.create_task(answer(SCOPE, asyncio.Queue[Message]().get, self._send))

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.sent.put_nowait(message["body"])

    async def rest(self) -> list[bytes]:
        """What comes from here to the end."""
        await self.task
        return [self.sent.get_nowait() for _ in range(self.sent.qsize())]


def empty(content: Any) -> dict[str, Any]:
    return {"model": "m", "done": False, **content}


@pytest.mark.parametrize(
    ("writer", "expected"),
    [
        (NdjsonWriter("m", chat_content), empty({"message": {"role": "assistant", "content": ""}})),
        (NdjsonWriter("m", generate_content), empty({"response": ""})),
    ],
)
async def test_line_with_nothing_in_it_comes_while_the_prompt_is_computed(writer: Writer, expected: dict[str, Any]) -> None:
    running = Running(writer)
    for completed in (512, 1024):
        running.stream.put_status(Prefilling(completed, 4000))
        line = json.loads(await running.sent.get())
        assert line.pop("created_at")
        assert line == expected
    running.stream.put_output("Hello", 1)
    running.stream.finish(DONE)

    first, last, _ = await running.rest()
    assert "Hello" in first.decode() and json.loads(last)["done"] is True


@pytest.mark.parametrize(
    "writer", [ChatWriter("m"), CompletionWriter("m", echoes=[""]), ResponsesWriter(ResponsesBody(model="m"))]
)
async def test_comment_comes_while_the_prompt_is_computed(writer: Writer) -> None:
    running = Running(writer)
    running.stream.put_status(Prefilling(512, 4000))

    comment = await running.sent.get()
    assert comment.startswith(b": ") and comment.endswith(b"\n\n") and comment.count(b"\n") == 2
    running.stream.put_output("Hello", 1)
    running.stream.finish(DONE)
    assert b"Hello" in b"".join(await running.rest())


async def test_pings_go_on_in_anthropics_stream() -> None:
    running = Running(MessagesWriter("m", max_tokens=5, stop_sequences=[]))
    running.stream.put_status(Prefilling(512, 4000))
    assert b"event: message_start" in await running.sent.get()
    running.stream.put_status(Prefilling(1024, 4000))
    assert (await running.sent.get()).startswith(b"event: ping")
    running.stream.finish(DONE)
    assert b"message_stop" in (await running.rest())[-2]


async def test_nothing_is_said_before_the_prompt_is_accepted_nor_often() -> None:
    """What fails before gets a status of its own."""
    failing, quick = Running(ChatWriter("m")), Running(ChatWriter("m"), most_silence_s=1e9)
    for status in (Queued(2), Loading(0.5)):
        failing.stream.put_status(status)
        await asyncio.sleep(0)
    quick.stream.put_status(Prefilling(512, 4000))
    await asyncio.sleep(0)
    failing.stream.finish(ModelLoadFailed("no"))
    quick.stream.finish(DONE)

    with pytest.raises(ModelLoadFailed):
        await failing.task
    assert failing.sent.empty()
    assert not any(piece.startswith(b": ") for piece in await quick.rest())


async def test_whole_answer_comes_at_once() -> None:
    running = Running(ChatWriter("m"), is_streaming=False)
    running.stream.put_status(Prefilling(512, 4000))
    await asyncio.sleep(0)
    running.stream.put_output("Hello", 1)
    running.stream.finish(DONE)

    (whole,) = await running.rest()
    assert json.loads(whole)["choices"][0]["message"]["content"] == "Hello"
