"""What a reader is sent: how much, in which form, and how often."""

import gc
import json
import time
from collections.abc import Iterator

import pytest

from tests.webui.markdown.page import Page
from webui.markdown import BlockStream, BlockView, render
from webui.markdown.open_block import LONG_BLOCK, LONG_FENCE, RAW_DELAY, SHORTEST_DELAY


def replay(text: str, size: int, first: int = 1) -> tuple[BlockStream, BlockView, Page, list[list[object]]]:
    stream = BlockStream()
    view, page, frames = BlockView(stream, stream=1), Page(), list[list[object]]()
    for position in [0, *range(first, len(text), size)]:
        stream.append(text[position : position + size] if position else text[:first])
        new = view.frames()
        page.take(new)
        frames += new
    return stream, view, page, frames


def sent(frames: list[list[object]]) -> int:
    return sum(len(json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()) for frame in frames)


def test_patch_keeps_what_is_common_in_utf16_units() -> None:
    stream = BlockStream("😀 a")
    view = BlockView(stream, stream=7)

    first = view.frames()
    stream.append("b")
    second = view.frames()

    assert first == [[7, 0, "<p>😀 a</p>"]]
    assert second == [[7, 7, "b</p>"]]
    assert view.frames() == []


def test_closing_block_repeats_nothing() -> None:
    stream = BlockStream("one paragraph")
    view = BlockView(stream, stream=1)
    view.frames()
    stream.append("\n\n")

    assert view.frames() == [[1, 15, 20, "\n"]]


def test_many_closed_blocks_come_in_few_frames() -> None:
    stream = BlockStream("paragraph\n\n" * 1000)

    frames = BlockView(stream, stream=1).frames()

    assert [frame[1] for frame in frames] == [11_000]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """A full collection of what thousands of tests have left takes longer than code may take to be highlighted."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("indent", ["", "  "])
def test_long_fence_is_appended_as_raw_text(indent: str) -> None:
    # The first code of a language also pays for the reading of its rules.
    render("```python\nx\n```")
    code = "".join(f"{indent}if x < {number}: y = '&amp;😀'\n" for number in range(600))
    stream, view, page, frames = replay(f"text\n\n{indent}```python\n{code}", 11, LONG_FENCE)

    appends = [frame for frame in frames if len(frame) == 2]
    assert len(appends) > 500
    assert sent(appends) < 1.2 * len(code.encode()) + 8 * len(appends)
    assert view.next_delay == RAW_DELAY
    page.assert_shows(stream.render_open())
    stream.append(f"{indent}```\n")
    page.take(view.frames())
    assert page.blocks == render(stream.text)


def test_fence_holds_back_a_line_that_may_close_it() -> None:
    stream, view, page, _ = replay("```\n" + "x\n" * LONG_FENCE, 1_000)

    stream.append("``")
    held = view.frames()
    stream.append("`not the end\n")
    page.take(view.frames())

    assert held == []
    page.assert_shows(stream.render_open())
    assert page.appended.endswith("```not the end\n")


@pytest.mark.parametrize(
    "text",
    ["- item **b**\n" * 6_000, "word " * 20_000, "> quote\n" * 8_000, "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 6_000],
    ids=["list", "line", "quote", "table"],
)
def test_long_open_block_costs_no_more_than_it_is_long(text: str) -> None:
    started = time.process_time()

    stream, _, page, frames = replay(text, 97, LONG_BLOCK - 200)

    assert time.process_time() - started < 10
    assert any(len(frame) == 2 for frame in frames)
    # From the bound on it is text alone.
    assert sent(frames[10:]) < 1.5 * len(text)
    assert stream.open_start < LONG_BLOCK
    page.assert_shows(stream.render_open())
    stream.finish()
    assert stream.closed_html()[0] == render(text)


def test_delay_grows_with_the_cost_of_rendering() -> None:
    render("warm `x`")
    short, long = BlockStream("a"), BlockStream("- **item** `x`\n" * 700)
    views = [BlockView(short, stream=1), BlockView(long, stream=1)]
    for view in views:
        view.frames()

    assert views[0].next_delay == SHORTEST_DELAY
    assert SHORTEST_DELAY < views[1].next_delay <= 2


def test_unknown_offset_beyond_the_text_shows_only_what_is_open() -> None:
    stream = BlockStream("a\n\nb")

    assert BlockView(stream, stream=1, offset=10**9).frames() == [[1, 0, "<p>b</p>"]]


def test_growing_fence_is_not_rendered_again() -> None:
    stream, view, page, _ = replay("```c\n" + "int x;\n" * 1_000, 500)
    started = time.process_time()

    for _ in range(20_000):
        stream.append("int y; ")
        page.take(view.frames())

    assert time.process_time() - started < 5
    page.assert_shows(stream.render_open())
