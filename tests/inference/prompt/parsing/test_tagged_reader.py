"""A call's arguments between tags, whatever their values hold and however they come."""

import time

import pytest

from inference.grammar.tag_forms import FORMS
from inference.prompt.parsing.tagged_reader import TaggedReader

PAIRS = FORMS["pairs"]


def read(text: str, step: int, in_json: frozenset[str]) -> tuple[int | None, list[tuple[str, str]]]:
    reader = TaggedReader(PAIRS, 0, in_json)
    for size in range(step, len(text) + step, step):
        if (end := reader.end(text[:size])) is not None:
            return end, reader.pairs
    return None, reader.pairs


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "value",
    ['"a </arg_value> b"', r'"\" </arg_value>"', '{"a": "</arg_value>"} ', "5", '"a" and more', "{} {", ' ["x"]\n'],
)
def test_value_ends_with_its_own_closing_tag_however_it_comes(value: str, step: int) -> None:
    text = f"<arg_key>a</arg_key>\n<arg_value>{value}</arg_value><arg_key>b</arg_key><arg_value>x</arg_value></tool_call>"

    end, pairs = read(text, step, frozenset("a"))

    assert end == text.index("</tool_call>")
    assert [(name, found.strip()) for name, found in pairs] == [("a", value.strip()), ("b", "x")]


@pytest.mark.parametrize("value", ['"' + "x" * 160_000 + '"', '"a" ' + "x" * 160_000, "x" * 160_000])
def test_long_value_takes_time_in_proportion(value: str) -> None:
    started = time.process_time()

    end, _pairs = read(f"<arg_key>a</arg_key><arg_value>{value}</arg_value></tool_call>", 8, frozenset("a"))

    assert end is not None
    assert time.process_time() - started < 5
