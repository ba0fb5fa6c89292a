from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.harmony import FLAG, MARKS
from tests.inference.prompt.harmony.reading import OPENING, flagged, read
from tests.inference.prompt.parsing.reading import tool

ARGUMENTS = '{"city": "Lima", "days": 2}'
CALLED = (0, "get_weather", '{"city": "Lima", "days": 2}')
THOUGHT = "<|channel|>analysis<|message|>The user adds two numbers.<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>It is seven."
HM_YES = [("thinking", "Hm."), ("content", "Yes.")]

ANSWERS: list[tuple[str, list[Any]]] = [
    # Plain.
    (THOUGHT + FINAL, [("thinking", "The user adds two numbers."), ("content", "It is seven.")]),
    (THOUGHT + FINAL + "<|return|>", [("thinking", "The user adds two numbers."), ("content", "It is seven.")]),
    ("<|channel|>final<|message|>It is seven.", [("content", "It is seven.")]),
    ("<|start|>assistant<|channel|>final<|message|>It is seven.", [("content", "It is seven.")]),
    ("<|channel|>final <|constrain|>json<|message|>[7]", [("content", "[7]")]),
    ("<|channel|>final json<|message|>[7]", [("content", "[7]")]),
    ("<|message|>No channel.", [("content", "No channel.")]),
    (
        THOUGHT + "<|start|>assistant<|channel|>analysis<|message|>Check it.<|end|>" + FINAL,
        [("thinking", "The user adds two numbers.\n\nCheck it."), ("content", "It is seven.")],
    ),
    # Calls, in each of the places where a recipient may stand.
    (f"<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    (f"<|channel|>commentary to=functions.get_weather<|constrain|>json<|message|>{ARGUMENTS}", [CALLED]),
    (f"<|channel|>commentary to=functions.get_weather json<|message|>{ARGUMENTS}", [CALLED]),
    (f"<|channel|>commentary to=functions.get_weather<|message|>{ARGUMENTS}", [CALLED]),
    (f" to=functions.get_weather<|channel|>commentary json<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    (f" to=functions.get_weather<|channel|>commentary <|constrain|>json<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    (f"<|start|>assistant to=functions.get_weather<|channel|>commentary<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    (f"<|channel|>analysis to=functions.get_weather code<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    (f"<|channel|>commentary to=get_weather <|constrain|>json<|message|>{ARGUMENTS}<|call|>", [CALLED]),
    ("<|channel|>commentary to=functions.now <|constrain|>json<|message|>{}<|call|>", [(0, "now", "{}")]),
    ("<|channel|>commentary to=functions.now <|constrain|>json<|message|><|call|>", [(0, "now", "{}")]),
    ("<|channel|>commentary to=functions.now<|message|>", [(0, "now", "{}")]),
    ('<|channel|>commentary to=functions.now<|message|>"{}"', [(0, "now", "{}")]),
    (
        f"{THOUGHT}<|start|>assistant<|channel|>commentary<|message|>**Plan**: ask twice.<|end|>"
        f"<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{ARGUMENTS}<|end|>"
        '<|start|>assistant to=functions.get_weather_map<|channel|>commentary json<|message|>{"city": "Rome"}<|call|>',
        [
            ("thinking", "The user adds two numbers."),
            ("content", "**Plan**: ask twice."),
            CALLED,
            (1, "get_weather_map", '{"city": "Rome"}'),
        ],
    ),
    # Calls that are of no use: their text is there, once.
    ('<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Li', [("content", '{"city": "Li')]),
    ("<|channel|>commentary to=functions.get_weather<|message|>Lima<|call|>", [("content", "Lima")]),
    ("<|channel|>commentary to=functions.get_weather<|message|>[1]<|call|>", [("content", "[1]")]),
    ('<|channel|>commentary to=functions.get_weather<|message|>{"days": "x"}<|call|>', [("content", '{"days": "x"}')]),
    # Tools that nobody offered, and messages in other names.
    ('<|channel|>analysis to=browser.search code<|message|>{"query": "x"}<|call|>', [("thinking", '{"query": "x"}')]),
    ("<|channel|>commentary to=python code<|message|>print(1)<|call|>", [("thinking", "print(1)")]),
    ("<|channel|>commentary to=functions.rm<|message|>{}<|call|>", [("thinking", "{}")]),
    (f"{FINAL}<|end|><|start|>user<|message|>And then?<|end|>", [("content", "It is seven."), ("thinking", "And then?")]),
    (
        '<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>{"sun": 1}<|end|>' + FINAL,
        [("thinking", '{"sun": 1}'), ("content", "It is seven.")],
    ),
    # Marks that are missing, doubled or in the wrong place.
    ("Just text.", [("content", "Just text.")]),
    ("assistant of mine, listen", [("content", "assistant of mine, listen")]),
    ("to be or not to be", [("content", "to be or not to be")]),
    ("<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final<|message|>Yes.", HM_YES),
    ("<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes.", HM_YES),
    ("<|channel|>analysis<|message|>Hm.<|end|>assistant<|channel|>final<|message|>Yes.", HM_YES),
    ("<|channel|>analysis<|message|>Hm.<|end|>\n<|channel|>final<|message|>Yes.", HM_YES),
    ("<|channel|>analysis<|message|>Hm.<|end|>Yes.", HM_YES),
    ("<|channel|>final<|message|>Ye<|message|>s<|constrain|>.", [("content", "Yes.")]),
    ("<|start|><|start|>assistant<|channel|><|channel|>final<|message|>Yes.", [("content", "Yes.")]),
    ("<|end|><|end|><|channel|>final<|message|>Yes.<|end|><|end|>", [("content", "Yes.")]),
    # What is cut off.
    ("", []),
    ("<|channel|>", []),
    ("<|channel|>anal", []),
    ("<|channel|>commentary to=functions.get", []),
    (" to=functions.get_weather<|channel|>comm", []),
    ("<|channel|>analysis<|message|>", []),
    (THOUGHT, [("thinking", "The user adds two numbers.")]),
    (THOUGHT + "<|start|>assis", [("thinking", "The user adds two numbers.")]),
    ("<|channel|>Yes, it is.", [("content", "Yes, it is.")]),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS)
def test_answer_is_read(text: str, expected: list[Any]) -> None:
    for answer, opening in ((text, OPENING), (flagged(text), flagged(OPENING)), (text, "")):
        assert read([answer], opening=opening) == expected
        assert read(list(answer), opening=opening) == expected


def test_white_space_of_messages_is_kept() -> None:
    text = "<|channel|>analysis<|message|> a\n<|end|><|start|>assistant<|channel|>final<|message|>\n b "

    assert read([text]) == [("thinking", " a\n"), ("content", "\n b ")]


def test_marks_that_are_text_stay_text() -> None:
    """A model that explains the format, or writes a file that has it, writes the marks as text."""
    literal = "A message is <|start|>assistant<|message|>...<|end|>."
    final = flagged("<|channel|>final<|message|>") + literal
    call = flagged("<|channel|>commentary to=functions.get_weather<|message|>") + f'{{"city": "{literal}"}}'

    assert read(final, opening=flagged(OPENING)) == [("content", literal)]
    assert read(call, opening=flagged(OPENING)) == [(0, "get_weather", f'{{"city": "{literal}"}}')]


def test_call_by_an_identifier_is_of_the_tool_with_that_name() -> None:
    tools = [tool("get-weather", city="string"), tool("a-b"), tool("a.b")]
    text = "<|channel|>commentary to=functions.{}<|message|>{{}}<|call|>"

    assert read([text.format("get_weather")], tools=tools) == [(0, "get-weather", "{}")]
    # Of two that would have the same, neither.
    assert read([text.format("a_b")], tools=tools) == [("thinking", "{}")]
    assert read([text.format("a.b")], tools=tools) == [(0, "a.b", "{}")]


def test_built_in_tool_that_is_offered_is_called() -> None:
    text = '<|channel|>analysis to=browser.search code<|message|>{"query": "x"}<|call|>'

    assert read([text], tools=[tool("browser.search", query="string")]) == [(0, "browser.search", '{"query": "x"}')]


def test_no_call_is_read_without_tools() -> None:
    text = f"{THOUGHT}<|start|>assistant<|channel|>commentary to=functions.get_weather<|message|>{ARGUMENTS}"

    assert read([text], tools=[]) == [("thinking", f"The user adds two numbers.\n\n{ARGUMENTS}")]


@pytest.mark.parametrize("mark", [lambda text: text, flagged])
def test_answer_goes_on_with_what_the_prompt_began(mark: Any) -> None:
    final, analysis = (mark(f"<|start|>assistant<|channel|>{name}<|message|>") for name in ("final", "analysis"))

    assert read([" and so on"], opening=final) == [("content", " and so on")]
    assert read([mark("Hm.<|end|>" + FINAL)], opening=analysis) == [("thinking", "Hm."), ("content", "It is seven.")]
    assert read([mark("nal<|message|>Yes")], opening=mark("<|start|>assistant<|channel|>fi")) == [("content", "Yes")]


def test_long_text_without_an_end_comes_as_it_grows() -> None:
    parser_input = ["<|start|>assistant", "x" * 5000, "y"]

    assert read(parser_input) == [("content", "assistant" + "x" * 5000 + "y")]


WORDS = ["assistant", "user", "analysis", "commentary", "final", " to=functions.get_weather", " to=browser.open", "json", "text "]
SIGNS = [" ", "\n", ARGUMENTS, "{}", "[", "<", "|", "<|", "Zürich", FLAG, '"', "\\"]
HOSTILE = st.lists(st.sampled_from([*MARKS, *(FLAG + mark for mark in MARKS), *WORDS, *SIGNS]), max_size=24).map("".join)
OPENINGS = st.sampled_from(["", OPENING, flagged(OPENING), FLAG, flagged(f"{OPENING}<|channel|>final<|message|>")])


@given(HOSTILE, OPENINGS, st.lists(st.integers(1, 12), max_size=40))
def test_any_split_gives_the_same(text: str, opening: str, sizes: list[int]) -> None:
    pieces, rest = [], text
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    pieces.append(rest)

    whole = read([text], opening=opening)

    assert read(pieces, opening=opening) == whole
    assert read(list(text), opening=opening) == whole


@given(st.lists(st.tuples(st.sampled_from(["analysis", "final", "commentary"]), st.text("ab <|>\n", min_size=1)), max_size=6))
def test_text_of_every_message_is_there_once(messages: list[tuple[str, str]]) -> None:
    text = "<|end|><|start|>assistant".join(f"<|channel|>{channel}<|message|>{content}" for channel, content in messages)
    thinking = "\n\n".join(content for channel, content in messages if channel == "analysis")
    content = "\n\n".join(content for channel, content in messages if channel != "analysis")

    parts = read(list(flagged(text)), opening=flagged(OPENING))

    assert "".join(part[1] for part in parts if part[0] == "thinking") == thinking
    assert "".join(part[1] for part in parts if part[0] == "content") == content
