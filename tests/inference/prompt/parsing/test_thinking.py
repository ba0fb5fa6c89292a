import pytest

from inference.prompt.parsing import AnswerParser, ContentDelta, ThinkingDelta
from tests.inference.prompt.parsing.reading import THINKING, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>hm</think>yes", [("thinking", "hm"), ("content", "yes")]),
        ("\n <think>\n hm \n</think>\n\nyes\n", [("thinking", "hm"), ("content", "yes\n")]),
        ("<think></think>yes", [("content", "yes")]),
        ("<think>\n\n</think>\n\n yes", [("content", "yes")]),
        ("yes <think>no</think>", [("content", "yes <think>no</think>")]),
        (" yes", [("content", " yes")]),
        ("<thi", [("content", "<thi")]),
        ("<thin air>", [("content", "<thin air>")]),
        ("<think>cut off </thi", [("thinking", "cut off </thi")]),
        ("<think>a </think", [("thinking", "a </think")]),
        ("<think>1 < 2 </ 3 </think>x", [("thinking", "1 < 2 </ 3"), ("content", "x")]),
        ("<think>a</think>b</think>", [("thinking", "a"), ("content", "b</think>")]),
        ("<think>hm</think>", [("thinking", "hm")]),
        ("", []),
        ("<think> ", []),
    ],
)
def test_thinking_is_told_from_content(text: str, parts: list[tuple[str, str]]) -> None:
    assert parse([text], tools=[]) == parse(text, tools=[]) == parts


def test_prompt_that_ends_in_the_tag_begins_within_the_thinking() -> None:
    assert parse("\nhm</think>\nyes", is_thinking=True) == [("thinking", "hm"), ("content", "yes")]
    assert parse("hm, and no end", is_thinking=True) == [("thinking", "hm, and no end")]


def test_thinking_that_is_not_asked_for_is_content() -> None:
    assert parse("<think>hm</think>yes", tools=[], parses_thinking=False) == [("content", "<think>hm</think>yes")]


def test_thinking_is_given_out_as_it_comes() -> None:
    parser = AnswerParser(THINKING, parses_thinking=True)

    assert parser.feed("<think>one two") == [ThinkingDelta("one two")]
    assert parser.feed(" </t") == []
    assert parser.feed("able>") == [ThinkingDelta(" </table>")]
    assert parser.feed("</think>") == []
    assert parser.feed("\n") == []
    assert parser.feed("yes") == [ContentDelta("yes")]
