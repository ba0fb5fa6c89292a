"""Answers in Harmony, written by a model that writes what it was given to write, token by token through llama.cpp; hot, it writes
what comes by chance."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from inference.errors import InvalidRequest
from inference.harmony import FLAG
from inference.prompt.harmony.parser import HarmonyParser
from inference.prompt.parsing import AnswerEvent, ContentDelta, ThinkingDelta, ToolCall
from inference.runner.messages import CallRules, SamplingParams, Submit, TextPrompt
from tests.inference.harmony_models import tokens_of, write_scripted
from tests.inference.prompt.harmony.reading import OPENING, flagged
from tests.inference.runner.answers.conftest import Answer, House

THOUGHT = "<|channel|>analysis<|message|>The weather, then.<|end|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>It is warm."
CALL = "<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
SCRIPTS = {
    "plain": THOUGHT + FINAL,
    "literal": THOUGHT + "<|start|>assistant<|channel|>final<|message|>Write <|seven|> or to=functions.get_weather.",
    "unthinking": "<|channel|>final<|message|>It is warm.",
    "ends in thought": "<|channel|>analysis<|message|>Hm",
    "thinks twice": f"{THOUGHT}<|start|>assistant{THOUGHT}{FINAL}",
    "call": THOUGHT + CALL + '{"city": "Lima"}<|call|>',
    "wrong call": THOUGHT + CALL + '{"town": "Lima"}<|call|>',
    "call by role": ' to=functions.get_weather<|channel|>commentary json<|message|>{"town": 7}<|call|>',
    "call of a stranger": "<|channel|>analysis to=browser.search code<|message|>{}<|call|>",
    "two calls": f'{THOUGHT}{CALL}{{"city": "Lima"}}<|end|>{CALL}{{"city": "Rome"}}<|call|>',
}
#: The length of the prompt after which each comes.
STARTS = {name: 100 + 100 * index for index, name in enumerate(SCRIPTS)}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 6}, "days": {"type": "integer", "maximum": 9, "minimum": 0}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTIONS = [{"name": "get_weather", "parameters": SCHEMA}, {"name": "get_weather_map", "parameters": SCHEMA}]
TOOLS = [{"type": "function", "function": function} for function in FUNCTIONS]
HOT = 60.0


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("harmony") / "scripted.gguf"
    house = House(write_scripted(path, {STARTS[name]: text for name, text in SCRIPTS.items()}, chat_template=None), num_ctx=2048)
    yield house
    house.model.close()


def prompt(length: int, end: str = OPENING) -> TextPrompt:
    """Of so many tokens."""
    return TextPrompt("x" * (length - len(tokens_of(end)) + 1) + end)


def wish(name: str, **more: Any) -> dict[str, Any]:
    return {"prompt": prompt(STARTS[name]), "is_harmony": True, "max_tokens": 500, **more}


def rules(**more: Any) -> CallRules:
    return CallRules(**{"tools": json.dumps(FUNCTIONS), **more})


def read(answer: Answer, *, opening: str = flagged(OPENING), **wishes: Any) -> tuple[str, str, list[ToolCall]]:
    """Thinking, content and calls."""
    parser = HarmonyParser(TOOLS, opening=opening, **wishes)
    events: list[AnswerEvent] = [*parser.feed(answer.text), *parser.finish()]
    thinking = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    content = "".join(event.text for event in events if isinstance(event, ContentDelta))
    return thinking, content, [event for event in events if isinstance(event, ToolCall)]


@pytest.mark.parametrize("name", ["plain", "literal", "thinks twice"])
def test_answer_goes_on_after_a_message_and_has_its_marks(speaker: House, name: str) -> None:
    answer = speaker.ask(**wish(name))

    assert answer.reason == "stop"
    assert answer.text == flagged(SCRIPTS[name])


def test_call_ends_the_answer(speaker: House) -> None:
    answer = speaker.ask(**wish("call"))

    assert answer.reason == "stop"
    assert answer.text == flagged(SCRIPTS["call"].removesuffix("<|call|>"))
    assert [call.arguments for call in read(answer)[2]] == [{"city": "Lima"}]


def test_marks_are_not_flagged_where_nobody_asks(speaker: House) -> None:
    assert speaker.ask(**wish("plain", is_harmony=False)).text == SCRIPTS["plain"]


@pytest.mark.parametrize("name", ["plain", "unthinking", "ends in thought", "thinks twice", "call", "call of a stranger"])
def test_format_holds_in_the_message_to_the_user(speaker: House, name: str) -> None:
    answer = speaker.ask(**wish(name, json_schema=json.dumps(SCHEMA)))

    thinking, content, calls = read(answer)
    assert (answer.reason, calls) == ("stop", [])
    jsonschema.validate(json.loads(content), SCHEMA)
    begun = {"ends in thought": "Hm", "thinks twice": "The weather, then.\n\nThe weather, then."}
    if name not in ("unthinking", "call of a stranger"):
        assert thinking.startswith(begun.get(name, "The weather, then."))


def test_grammar_holds_in_the_message_to_the_user(speaker: House) -> None:
    # Its rules may have the very name that the whole message's would have.
    answer = speaker.ask(**wish("plain", grammar='root ::= harmony-message\nharmony-message ::= "yes" | "no"'))

    thinking, content, _calls = read(answer)
    assert (answer.reason, thinking) == ("stop", "The weather, then.")
    assert content in ("yes", "no")


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_required_call_is_one_call(speaker: House, name: str) -> None:
    answer = speaker.ask(**wish(name, calls=rules(is_required=True)))

    _thinking, content, calls = read(answer, is_strict=True)
    assert (answer.reason, content, len(calls)) == ("stop", "", 1)
    jsonschema.validate(calls[0].arguments, SCHEMA)


@pytest.mark.parametrize("name", ["wrong call", "call by role"])
def test_call_keeps_to_its_schema_from_its_recipient_on(speaker: House, name: str) -> None:
    free, kept = speaker.ask_all([wish(name), wish(name, calls=rules())])

    assert read(free)[2] == []
    assert kept.reason == "stop"
    (call,) = read(kept)[2]
    assert call.name == "get_weather"
    jsonschema.validate(call.arguments, SCHEMA)


@pytest.mark.parametrize("name", ["plain", "literal", "call", "two calls", "call of a stranger"])
def test_answer_that_is_right_is_left_as_it_is(speaker: House, name: str) -> None:
    free, kept = speaker.ask_all([wish(name), wish(name, calls=rules())])

    assert kept.text == free.text == flagged(SCRIPTS[name].removesuffix("<|call|>"))


def test_single_call_is_the_last(speaker: House) -> None:
    answer = speaker.ask(**wish("two calls", calls=rules(is_single=True)))

    assert [call.arguments for call in read(answer)[2]] == [{"city": "Lima"}]


@pytest.mark.parametrize("name", ["call", "plain"])
def test_format_beside_tools_is_a_call_or_json(speaker: House, name: str) -> None:
    answer = speaker.ask(**wish(name, calls=rules(), json_schema=json.dumps(SCHEMA)))

    _thinking, content, calls = read(answer)
    assert answer.reason == "stop"
    assert len(calls) == (name == "call")
    jsonschema.validate(calls[0].arguments if calls else json.loads(content), SCHEMA)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_drawn_keeps_to_what_was_asked(speaker: House, seed: int) -> None:
    """Every token is about as likely as any other."""
    hot = {"sampling": SamplingParams(temperature=HOT, top_k=0, top_p=1, seed=seed), "max_tokens": 1200}
    wishes = {
        "required": {"calls": rules(is_required=True)},
        "format": {"json_schema": json.dumps(SCHEMA)},
        "free": {"calls": rules()},
    }

    answers = speaker.ask_all([wish("plain", **hot, **each) for each in wishes.values()])

    required, formatted, free = (read(answer) for answer in answers)
    if answers[0].reason == "stop":
        assert (required[1], len(required[2])) == ("", 1)
    if answers[1].reason == "stop":
        assert formatted[2] == []
        jsonschema.validate(json.loads(formatted[1]), SCHEMA)
    for call in [*required[2], *free[2]]:
        jsonschema.validate(call.arguments, SCHEMA)
    assert FLAG not in "".join(part for thinking, content, _calls in (required, formatted, free) for part in (thinking, content))


@pytest.mark.parametrize("end", ["<|channel|>final<|message|>It", "<|channel|>analysis<|message|>It", ""])
def test_begun_answer_is_gone_on_with(speaker: House, end: str) -> None:
    opening = flagged(OPENING + end.removesuffix("It"))
    begun = {"prompt": prompt(60, OPENING + end), "is_harmony": True, "max_tokens": 500}
    wishes = [{"json_schema": json.dumps(SCHEMA)}, {"calls": rules(is_required=True)}]

    assert speaker.prepare(Submit(request_id="", **begun)).rendered.opening == opening  # type: ignore[arg-type, union-attr]
    formatted, called = speaker.ask_all([begun | each for each in wishes])

    assert (formatted.reason, called.reason) == ("stop", "stop")
    jsonschema.validate(json.loads(read(formatted, opening=opening)[1]), SCHEMA)
    assert len(read(called, opening=opening)[2]) == 1


def test_opening_is_the_last_message_of_the_prompt(speaker: House) -> None:
    def opening(text: str) -> str:
        rendered = speaker.prepare(Submit(request_id="", prompt=TextPrompt(text), is_harmony=True)).rendered
        assert rendered is not None
        return rendered.opening

    assert opening("<|start|>user<|message|>a<|end|>") == FLAG
    assert opening("no mark") == FLAG
    assert opening("<|start|>user<|message|>a<|end|><|start|>assistant") == flagged(OPENING)
    assert opening("<|start|>assistant<|channel|>final<|message|>" + "a" * 400) == flagged(
        f"{OPENING}<|channel|>final<|message|>"
    )


@pytest.mark.model
def test_vocabulary_without_marks_has_them_as_text(house: House) -> None:
    spelled = TextPrompt(f"<|start|>user<|message|>Hello<|end|>{OPENING}")
    asked = {"prompt": spelled, "is_harmony": True, "max_tokens": 4}

    rendered = house.prepare(Submit(request_id="", **asked)).rendered  # type: ignore[arg-type]

    assert rendered is not None
    assert rendered.opening == OPENING
    assert FLAG not in house.ask(**asked, calls=rules()).text
    with pytest.raises(InvalidRequest, match="lacks marks"):
        house.ask(**asked, json_schema=json.dumps(SCHEMA))
