"""Where a call begins, however the answer is cut into pieces."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.runner.call_search import BegunCall, CallSearch

MARKS = ("<tool_call>", "[TOOL_CALLS]", "<tool")
NAMES = ("now", "出発")
THINKING = {"thinking_start": "<think>", "thinking_end": "</think>"}
ANSWERS: list[tuple[str, dict[str, Any], str | None]] = [
    ("I look. <tool_call>{", {}, "<tool_call>"),
    ("[TOOL_CALLS]", {}, "[TOOL_CALLS]"),
    ("no <toad or [TOOL] here", {}, None),
    ('{"name": "now"', {}, '{"name": "now"'),
    ('\n\n[ {\n "type": "function", "name" : "出発", "a', {}, '[ {\n "type": "function", "name" : "出発"'),
    ('{"name": "later", "a": {"name": "now"', {}, None),
    ('Say {"name": "now"', {}, None),
    ('{"name": "now', {}, None),
    ("<think>I could <tool_call></think>[TOOL_CALLS]x", THINKING, "[TOOL_CALLS]"),
    ('<think>{"name": "now"</think>\n{"name": "now"', THINKING, '{"name": "now"'),
    (" <tool_call>", THINKING, "<tool_call>"),
    ("<think>never ends [TOOL_CALLS]", THINKING, None),
    ("thought <tool_call> </think> [TOOL_CALLS]", {"thinking_end": "</think>"}, "[TOOL_CALLS]"),
]


def first_found(search: CallSearch, pieces: Sequence[bytes]) -> tuple[BegunCall | None, bytes]:
    """With what of the answer had come until then."""
    fed = b""
    for piece in pieces:
        fed += piece
        if (found := search.find(piece)) is not None:
            return found, fed
    return None, fed


@given(data=st.data(), case=st.sampled_from(ANSWERS))
def test_beginning_of_a_call_is_found(data: st.DataObject, case: tuple[str, dict[str, Any], str | None]) -> None:
    text, thinking, begun = case
    content = text.encode()
    # The shorter mark would be found first in a piece that ends within the longer.
    marks = MARKS[:2]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]

    found, fed = first_found(CallSearch(marks=marks, names=NAMES, **thinking), pieces)

    assert (found.text if found else None) == begun
    if found is not None:
        assert fed.removesuffix(fed[len(fed) - found.num_rest :] if found.num_rest else b"").decode().endswith(found.text)


def test_longest_of_several_marks_is_found_where_they_come_together() -> None:
    found = CallSearch(marks=MARKS).find(b"<tool_call>{")

    assert found == BegunCall("<tool_call>", 1)


def test_piece_with_a_beginning_can_be_fed_again_in_part() -> None:
    search = CallSearch(marks=["<call>"])
    assert search.find(b"so <ca") is None

    assert search.find(b"ll>x") == BegunCall("<call>", 1)
    assert search.find(b"ll") is None
    assert search.find(b">") == BegunCall("<call>", 0)


def test_another_call_may_begin_right_after_one() -> None:
    search = CallSearch(marks=["<call>"], names=["now"])
    assert search.find(b'{"name": "now"') is not None

    search.end_call()
    assert search.find(b'; {"name": "now"') == BegunCall('{"name": "now"', 0)
    search.pass_over()
    assert search.find(b'; {"name": "now"') is None
    assert search.find(b"<call>") == BegunCall("<call>", 0)


@pytest.mark.parametrize("text", ['{"a": ' + "1" * 600, "[" + " " * 600])
def test_json_that_names_no_tool_for_long_is_no_call(text: str) -> None:
    search = CallSearch(marks=[], names=["now"])

    assert first_found(search, [bytes([byte]) for byte in text.encode()])[0] is None
    assert search.find(b'{"name": "now"') is None
