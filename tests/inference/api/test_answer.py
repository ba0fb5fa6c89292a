"""Signs of life while a long prompt is computed, and pieces that go out at once."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message

from inference.api.answer import Answer
from inference.api.anthropic.writer import MessagesWriter
from inference.api.choice import Choice
from inference.api.lines import AnswerPart, chat_content, generate_content
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

    def __init__(self, writer: Writer, most_silence_s: float = 0, *, is_streaming: bool = True, direct: Any = None) -> None:
        """`direct` stands for the server's `DirectBody`."""
        self.num_cancelled = 0
        self.stream = RequestStream(self._cancelled)
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        answer = Answer([Choice(self.stream)], writer, is_streaming=is_streaming, most_silence_s=most_silence_s)
        scope = SCOPE | {"extensions": {"hearth.direct_body": direct}}
        self.task = asyncio.create_task(answer(scope, asyncio.Queue[Message]().get, self._send))

    def _cancelled(self) -> None:
        self.num_cancelled += 1

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.sent.put_nowait(message["body"])

    async def rest(self) -> list[bytes]:
        """What comes from here to the end."""
        await self.task
        return [self.sent.get_nowait() for _ in range(self.sent.qsize())]


class Direct:
    """A client that reads, as long as `can_write` says so."""

    def __init__(self) -> None:
        self.can_write = True
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


class Failing(NdjsonWriter):
    """Has a fault that shows at one word."""

    def part(self, index: int, part: AnswerPart) -> bytes:
        if part.text == "fault":
            raise ZeroDivisionError
        return super().part(index, part)


def texts(pieces: Iterable[bytes]) -> list[str]:
    return [line["message"]["content"] for piece in pieces for line in map(json.loads, piece.splitlines())]


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


async def test_output_goes_out_at_once_after_the_first_while_the_client_reads() -> None:
    direct = Direct()
    running = Running(NdjsonWriter("m", chat_content), direct=direct)
    running.stream.put_output("a", 1)
    assert texts([await running.sent.get()]) == ["a"]
    await asyncio.sleep(0)

    running.stream.put_output("b", 1)
    running.stream.put_output("c", 2)
    assert texts(direct.pieces) == ["b", "c"]

    direct.can_write = False
    running.stream.put_output("d", 1)
    direct.can_write = True
    # Not before the one that waits.
    running.stream.put_output("e", 1)
    assert len(direct.pieces) == 2
    assert texts([await running.sent.get()]) == ["de"]
    await asyncio.sleep(0)
    running.stream.put_output("f", 1)
    assert texts(direct.pieces) == ["b", "c", "f"]
    running.stream.finish(DONE)
    last, _empty = await running.rest()
    assert json.loads(last)["done"] is True and len(direct.pieces) == 3


async def test_fault_in_what_goes_out_at_once_ends_this_answer_only() -> None:
    running = Running(Failing("m", chat_content), direct=Direct())
    running.stream.put_output("a", 1)
    await running.sent.get()
    await asyncio.sleep(0)

    running.stream.put_output("fault", 1)

    with pytest.raises(ZeroDivisionError):
        await running.task
    assert running.num_cancelled == 1


async def test_pieces_of_several_choices_keep_to_one_way() -> None:
    streams, direct, sent = [RequestStream(lambda: None) for _ in range(2)], Direct(), asyncio.Queue[bytes]()

    async def send(message: Message) -> None:
        sent.put_nowait(message.get("body", b""))

    answer = Answer([Choice(stream) for stream in streams], ChatWriter("m", num_choices=2), is_streaming=True)
    scope = SCOPE | {"extensions": {"hearth.direct_body": direct}}
    task = asyncio.create_task(answer(scope, asyncio.Queue[Message]().get, send))
    for text in ("a", "b"):
        for stream in streams:
            stream.put_output(text, 1)
        while text.encode() not in await sent.get():
            pass
    for stream in streams:
        stream.finish(DONE)
    await task
    assert not direct.pieces
