"""Calls of tools by grammar, written by the real model, which was never trained to call any, and hot: what comes is chance, but
for the grammar."""

import json
from typing import Any

import jsonschema
import pytest

from inference.errors import InvalidRequest
from inference.prompt.parsing import AnswerParser, AnswerSyntax, ToolCall
from inference.prompt.parsing.tool_calls import COMMON_MARKS
from inference.runner.messages import CallRules, RequestFailed, SamplingParams, TextPrompt
from tests.inference.runner.answers.conftest import House

pytestmark = pytest.mark.model

WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"$ref": "#/$defs/city"},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "unit": {"enum": ["°C", "°F"]},
        },
        "required": ["city", "unit"],
        "$defs": {"city": {"type": "string", "minLength": 1, "maxLength": 8}},
    },
}
CLOCK = {"name": "get_clock"}
FUNCTIONS = [WEATHER, CLOCK]
TOOLS = [{"type": "function", "function": function} for function in FUNCTIONS]
ROOM = 120


def rules(functions: list[dict[str, Any]] = FUNCTIONS, **more: Any) -> CallRules:
    return CallRules(**{"tools": json.dumps(functions), "marks": ["<tool_call>"], **more})


def hot(seed: int) -> SamplingParams:
    return SamplingParams(temperature=1.6, top_k=0, top_p=1, seed=seed)


def parsed(text: str, **wishes: Any) -> tuple[list[ToolCall], str]:
    """The calls of an answer and what else it says."""
    parser = AnswerParser(AnswerSyntax(), tools=TOOLS, **wishes)
    events = [*parser.feed(text), *parser.finish()]
    calls = [event for event in events if isinstance(event, ToolCall)]
    return calls, "".join(event.text for event in events if not isinstance(event, ToolCall))


def check(call: ToolCall) -> None:
    schemas: dict[str, Any] = {"get_weather": WEATHER["parameters"], "get_clock": {"additionalProperties": False}}
    jsonschema.validate(call.arguments, schemas[call.name])


@pytest.mark.parametrize("mark", ["<tool_call>", "<｜tool▁call▁begin｜>", ""])
def test_required_call_is_written_and_valid(house: House, mark: str) -> None:
    wish = rules(marks=[mark] if mark else [], is_bare=not mark, is_required=True, is_single=True)

    answers = house.ask_all([{"calls": wish, "sampling": hot(seed), "max_tokens": ROOM} for seed in (1, 2)])

    for answer in answers:
        assert answer.reason == "stop", answer.text
        assert answer.text.lstrip().startswith(mark)
        calls, rest = parsed(answer.text, is_strict=True)
        assert (len(calls), rest) == (1, "")
        check(calls[0])


def test_free_answer_is_the_same_beside_tools(house: House) -> None:
    sampling = SamplingParams(seed=3, repeat_penalty=1.1)

    free = house.ask(sampling=sampling)

    assert free.text
    assert house.ask(sampling=sampling, calls=rules(marks=list(COMMON_MARKS), is_bare=True)).text == free.text


def shown(call: str) -> TextPrompt:
    """Examples that a model without any training in tools follows."""
    turns = [f"User: {city}?\nAssistant: {call.replace('CITY', city)}\n" for city in ("Rome", "Oslo", "Lima")]
    return TextPrompt("".join(turns) + "User: Bonn?\nAssistant:")


@pytest.mark.parametrize("is_single", [True, False])
@pytest.mark.parametrize(
    ("call", "marks"),
    [
        ('<tool_call>{"name": "get_weather", "arguments": {"city": "CITY"}}</tool_call>', ["<tool_call>"]),
        ('I look.[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "CITY"}}] Done.', ["[TOOL_CALLS]"]),
        ('{"name": "get_weather", "parameters": {"city": "CITY"}}', []),
    ],
)
def test_call_is_kept_to_its_schema_from_its_beginning_on(house: House, call: str, marks: list[str], is_single: bool) -> None:
    prompt, wish = shown(call), rules(marks=marks, is_bare=not marks, is_single=is_single)
    free = house.ask(prompt=prompt, stop=["\nUser"], max_tokens=40)
    assert parsed(free.text)[0] == [], "left to itself, the model leaves out what is required"

    answer = house.ask(prompt=prompt, calls=wish, stop=["\nUser"], max_tokens=60)

    found, rest = parsed(answer.text)
    assert [each.name for each in found] == ["get_weather"]
    check(found[0])
    assert (answer.reason, rest.strip()) == ("stop", "I look." if is_single and "I look." in call else rest.strip())
    assert ("Done" in rest) == ("Done" in call and not is_single)


def test_token_that_goes_on_beyond_a_mark_as_no_call_does_is_cut(house: House) -> None:
    vocabulary = house.model.vocabulary
    joined = vocabulary.tokenize(" something", parse_special=False)
    assert len(joined) == 1, "the test needs a token that begins with the mark"
    sampling = SamplingParams(temperature=0, logit_bias={joined[0]: 100.0})

    answer = house.ask(calls=rules([CLOCK], marks=[" some"], is_single=True), sampling=sampling, max_tokens=ROOM)

    assert answer.text.startswith(" some")
    calls = json.loads(answer.text.removeprefix(" some"))
    assert "get_clock" in (calls if isinstance(calls, dict) else calls[0]).values()
    assert answer.reason == "stop"


@pytest.mark.parametrize("is_required", [False, True])
def test_call_that_cannot_be_completed_fails(house: House, is_required: bool) -> None:
    functions = [{"name": "read_\u2184"}]
    forbidden = dict.fromkeys(house.model.vocabulary.tokenize("\u2184", parse_special=False), float("-inf"))
    prompt = shown('<tool_call>{"name": "read_CITY", "arguments": {}}</tool_call>')
    sampling = SamplingParams(temperature=0, logit_bias=forbidden)

    answer = house.ask(prompt=prompt, calls=rules(functions, is_required=is_required), sampling=sampling, max_tokens=60)

    assert answer.text.replace(" ", "").replace("\n", "").endswith('<tool_call>{"name":"read_')
    assert isinstance(answer.end, RequestFailed)
    assert "cannot be completed" in answer.end.message


def test_mark_in_the_thinking_part_begins_no_call(house: House) -> None:
    free = house.ask(max_tokens=30).text
    mark, end = free[5:12], free[20:24]

    answer = house.ask(calls=rules(marks=[mark]), thinking_end=end, max_tokens=30)

    assert answer.text[:24] == free[:24]


@pytest.mark.parametrize("is_call", [True, False])
def test_answer_is_a_call_or_keeps_to_the_format(house: House, is_call: bool) -> None:
    schema = {"type": "object", "properties": {"sky": {"enum": ["blue", "grey"]}}, "required": ["sky"]}
    (wanted,) = house.model.vocabulary.tokenize("name" if is_call else "sky", parse_special=False)
    (opening,) = house.model.vocabulary.tokenize('{"', parse_special=False)
    sampling = SamplingParams(temperature=1.6, seed=4, logit_bias={opening: 60.0, wanted: 40.0})
    calls = rules([CLOCK], marks=[], is_bare=True, is_single=True)

    answer = house.ask(calls=calls, json_schema=json.dumps(schema), max_tokens=ROOM, sampling=sampling)

    found, rest = parsed(answer.text)
    assert answer.reason == "stop"
    if is_call:
        assert ([call.name for call in found], rest) == (["get_clock"], "")
    else:
        jsonschema.validate(json.loads(rest), schema)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, '"uniqueItems" of a JSON schema is not possible'),
        ({"properties": {"a": {"type": "string", "format": "iri"}}}, '"format" "iri" of a string is not possible here'),
        ({"type": "string"}, 'their "type" has to be "object"'),
        ({"$ref": "#/$defs/none"}, r"\$ref.* points at nothing"),
        ([], "they have to be a JSON schema"),
        ({"enum": ["x" * 70000]}, "their JSON schema is longer than 65536 characters"),
    ],
)
def test_schema_that_cannot_be_kept_to_is_refused_only_where_that_is_demanded(house: House, parameters: Any, reason: str) -> None:
    function = {"name": "act", "parameters": parameters}
    for wish in (rules([CLOCK, function], is_required=True), rules([{**function, "strict": True}])):
        with pytest.raises(InvalidRequest, match=rf'^tools: the parameters of "act" cannot be kept to: .*{reason}'):
            house.ask(calls=wish)

    assert house.ask(calls=rules([CLOCK, function]), max_tokens=4).text


def test_required_call_and_a_grammar_exclude_each_other(house: House) -> None:
    with pytest.raises(InvalidRequest, match="cannot both be asked for"):
        house.ask(calls=rules(is_required=True), grammar='root ::= "x"')

    assert house.ask(calls=rules(), grammar='root ::= "x"').text == "x"
