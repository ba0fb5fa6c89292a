"""Views put together again: wherever a page begins and however slow it is, it ends with the blocks of the whole text."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webui.consumers import view as view_module
from webui.consumers.view import show_stream
from webui.enums import MessageStatus
from webui.services.generation.stream import Ending, Stream

PIECES = [
    "# Head\n",
    "word ",
    "**bold** ",
    "\n\n",
    "- item\n",
    "```py\n",
    "x = 1\n",
    "```\n",
    "| a | b |\n|---|---|\n",
    "好",
    "😀",
    "<b>",
    "$x$ ",
]


class Shown:
    """A page that follows the frames as `<message-stream>` does."""

    def __init__(self, blocks: str) -> None:
        self.blocks = blocks
        self.open = ""

    def take(self, text: str) -> None:
        frame: Any = json.loads(text)
        if isinstance(frame, dict):
            return
        units = self.open.encode("utf-16-le")
        if len(frame) == 4:
            self.blocks += units[: 2 * frame[2]].decode("utf-16-le") + frame[3]
            self.open = ""
        elif len(frame) == 3:
            self.open = units[: 2 * frame[1]].decode("utf-16-le") + frame[2]


async def _run(pieces: list[str], attach_after: list[int], slowness: list[int]) -> tuple[Stream, list[Shown]]:
    stream, pages, views = Stream(), [], []

    def attach(index: int) -> None:
        html, offset = stream.blocks.closed_html()
        page = Shown(str(html))
        pages.append(page)

        async def send(text: str) -> None:
            for _ in range(slowness[index]):
                await asyncio.sleep(0)
            page.take(text)

        views.append(asyncio.create_task(show_stream(stream, number=index, offset=offset, send=send)))

    for position, piece in enumerate(pieces):
        for index, after in enumerate(attach_after):
            if after == position:
                attach(index)
        stream.append(piece)
        await asyncio.sleep(0)
    stream.end(Ending(MessageStatus.COMPLETE, "title"))
    for index, after in enumerate(attach_after):
        if after >= len(pieces):
            attach(index)
    async with asyncio.timeout(10):
        endings = await asyncio.gather(*views)
    assert all(ending.status == MessageStatus.COMPLETE for ending in endings)
    return stream, pages


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=30),
    attach_after=st.lists(st.integers(0, 31), min_size=3, max_size=3),
    slowness=st.lists(st.integers(0, 5), min_size=3, max_size=3),
)
def test_every_view_ends_with_exactly_the_blocks(pieces: list[str], attach_after: list[int], slowness: list[int]) -> None:
    stream, pages = asyncio.run(_run(pieces, attach_after, slowness))
    whole = str(stream.blocks.closed_html()[0])
    assert stream.text == "".join(pieces)
    assert [page.blocks for page in pages] == [whole] * 3
    assert [page.open for page in pages] == [""] * 3


async def test_slow_socket_gets_fewer_frames() -> None:
    stream, frames = Stream(), []
    may_send = asyncio.Event()

    async def send(text: str) -> None:
        await may_send.wait()
        frames.append(text)

    view = asyncio.create_task(show_stream(stream, number=1, offset=0, send=send))
    for _ in range(500):
        stream.append("word ")
        await asyncio.sleep(0)
    stream.end(Ending(MessageStatus.COMPLETE, ""))
    may_send.set()
    async with asyncio.timeout(5):
        await view
    page = Shown("")
    for frame in frames:
        page.take(frame)
    assert len(frames) <= 3
    assert page.blocks.count("word") == 500


async def test_overhead_a_token_is_small() -> None:
    """Tokens of four characters at 100 a second, in paragraphs of 60: what the socket carries beyond the text itself."""
    stream, sent = Stream(), 0

    async def send(text: str) -> None:
        nonlocal sent
        sent += len(text.encode())

    view = asyncio.create_task(show_stream(stream, number=1, offset=0, send=send))
    tokens = 180
    for number in range(tokens):
        stream.append("\n\n" if number % 60 == 59 else "word")
        await asyncio.sleep(0.01)
    stream.end(Ending(MessageStatus.COMPLETE, ""))
    async with asyncio.timeout(5):
        await view
    assert (sent - len(stream.text)) / tokens < 60


@settings(max_examples=20, deadline=None)
@given(
    pieces=st.lists(st.text("a好😀\n", max_size=5), max_size=12),
    attach_after=st.integers(0, 12),
    known=st.integers(0, 3),
    largest=st.integers(1, 4),
)
def test_thinking_arrives_whole_and_once(pieces: list[str], attach_after: int, known: int, largest: int) -> None:
    """However much of it a page has already, and however small the frames are."""

    async def run() -> None:
        stream, frames = Stream(), []

        async def send(text: str) -> None:
            frame = json.loads(text)
            if isinstance(frame, list) and isinstance(frame[1], list):
                frames.append(frame[1])

        view = None
        has = ""
        for position, piece in enumerate([*pieces, ""]):
            if view is None and position >= min(attach_after, len(pieces)):
                has = stream.thinking[:known]
                view = asyncio.create_task(show_stream(stream, number=1, offset=0, thought=len(has), send=send))
            stream.think(piece)
            await asyncio.sleep(0)
        stream.append("answer")
        stream.end(Ending(MessageStatus.COMPLETE, ""))
        assert view is not None
        async with asyncio.timeout(10):
            await view
        for length, text in frames:
            has += text
            assert (length, len(text) <= largest) == (len(has), True)
        assert has == "".join(pieces)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_module, "LARGEST_FRAME", largest)
        asyncio.run(run())
