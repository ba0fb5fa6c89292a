"""Calls in each notation: what a grammar lets through, put together by chance, the parser reads as calls, and `jsonschema` finds
their arguments valid."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_form
from inference.grammar.rules import Rules
from inference.grammar.tagged_arguments import up_to
from inference.grammar.tool_calls import calls_grammar
from inference.prompt.parsing import AnswerParser, AnswerSyntax, ToolCall
from inference.prompt.parsing.tool_calls import COMMON_MARKS
from tests.inference.grammar.conftest import Accepts
from tests.inference.grammar.walk import Walker

pytestmark = pytest.mark.model

CITY = {"type": "string", "minLength": 1, "maxLength": 8}
FUNCTIONS: list[dict[str, Any]] = [
    {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"$ref": "#/$defs/city"},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
                "unit": {"enum": ["°C", "°F"]},
            },
            "required": ["city", "unit"],
            "$defs": {"city": CITY},
        },
    },
    {
        "name": "get_weather_map",
        "parameters": {"type": "object", "properties": {"of": {"$ref": "#/$defs/city"}}, "$defs": {"city": CITY}},
    },
    {"name": "now", "parameters": {"type": "object", "properties": {}}},
    {"name": "wait"},
    {"name": "出発", "parameters": {"properties": {"für": {"type": ["boolean", "null"]}}, "required": ["für"]}},
]
#: For `jsonschema`: functions without properties take none.
SCHEMAS = {function["name"]: {"additionalProperties": False} | function.get("parameters", {}) for function in FUNCTIONS}
OWN_MARKS = ("functools", "Action: ```json")


def grammar(functions: list[dict[str, Any]] = FUNCTIONS, *marks: str, **wishes: Any) -> str:
    defaults = {"is_bare": not marks, "is_required": False, "is_single": False}
    return calls_grammar(json.dumps(functions), marks, **defaults | wishes)


def parsed(text: str, *marks: str, functions: list[dict[str, Any]] = FUNCTIONS) -> list[Any]:
    """Calls, and texts between them."""
    tools = [{"type": "function", "function": function} for function in functions]
    parser = AnswerParser(AnswerSyntax(tool_marks=marks), tools=tools)
    parts: list[Any] = []
    for event in [*parser.feed(text), *parser.finish()]:
        if isinstance(event, ToolCall):
            parts.append(event)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += event.text
        else:
            parts.append(event.text)
    return parts


@pytest.mark.parametrize("mark", [*COMMON_MARKS, *OWN_MARKS, ""])
def test_call_in_each_notation_is_read_and_valid(mark: str, walker: Walker) -> None:
    marks = [mark] if mark else []
    text = grammar(FUNCTIONS, *marks, is_single=True)
    check_form(text)

    names = set()
    for seed in range(12):
        walk = walker.walk(text, seed)
        assert walk.is_complete, walk.text
        assert walk.text.startswith(mark)
        (call,) = parsed(walk.text, *marks)
        jsonschema.validate(call.arguments, SCHEMAS[call.name])
        names.add(call.name)
    assert len(names) >= 3


#: Of every kind of argument that tags tell apart.
TAGGED: list[dict[str, Any]] = [
    *FUNCTIONS,
    {
        "name": "write",
        "parameters": {
            "properties": {
                "path": {"type": "string", "pattern": "^[a-z/<]{1,6}$"},
                "text": {"type": "string", "maxLength": 6},
                "mode": {"enum": ["new", "a\nb", "</x>"]},
                "day": {"type": "string", "format": "date"},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2},
                "more": {"type": "object", "properties": {"a": {"type": ["number", "null"]}}, "additionalProperties": False},
                "size": {"enum": [1, "big"]},
                "either": {"anyOf": [{"const": "x"}, {"$ref": "#/$defs/city"}]},
            },
            "required": ["text", "mode", "day", "free"],
            "additionalProperties": {"type": "integer"},
            "$defs": {"city": CITY},
        },
    },
    # Can only be written as JSON.
    {"name": "any", "parameters": {"type": "object", "additionalProperties": {"type": "boolean"}}},
    {"name": "one", "parameters": {"anyOf": [{"required": ["a"], "properties": {"a": {"const": "b"}}}]}},
]


@pytest.mark.parametrize(
    ("tag_form", "mark"),
    [
        ("parameters", "<tool_call>"),
        ("parameters", "<function="),
        ("pairs", "<tool_call>"),
        ("seed", "<seed:tool_call>"),
        ("invoke", "<minimax:tool_call>"),
        ("invoke", '<invoke name="'),
    ],
)
@pytest.mark.parametrize("name", [function["name"] for function in TAGGED])
def test_call_with_arguments_between_tags_is_read_and_valid(tag_form: str, mark: str, name: str, walker: Walker) -> None:
    (function,) = (each for each in TAGGED if each["name"] == name)
    gbnf = grammar([function], mark, is_single=True, tag_form=tag_form)
    check_form(gbnf)

    counts = set()
    for seed in range(4):
        walk = walker.walk(gbnf, seed)
        assert walk.is_complete, walk.text
        (call,) = parsed(walk.text, functions=[function])
        assert call.name == name
        jsonschema.validate(call.arguments, SCHEMAS.get(name, function.get("parameters", {})))
        counts.add(len(call.arguments))
    assert min(counts) >= len(function.get("parameters", {}).get("required", []))


NOTE: list[dict[str, Any]] = [
    {"name": "now"},
    {
        "name": "note",
        "parameters": {
            "properties": {"text": {"type": "string"}, "to": {"type": ["string", "null"]}, "days": {"type": "integer"}},
            "required": ["text"],
        },
    },
]


@pytest.mark.parametrize(
    ("arguments", "is_possible"),
    [
        ({"text": "a </function> b\n"}, True),
        ({"text": ""}, True),
        ({"text": "5", "to": "null", "days": "3"}, True),
        ({"text": "x", "days": "three"}, False),
        ({"to": "x"}, False),
        ({"text": "x", "other": "y"}, False),
    ],
)
def test_call_between_tags_may_be_written_as_its_models_do(
    arguments: dict[str, str], is_possible: bool, accepts: Accepts
) -> None:
    between = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    pairs = "".join(f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in arguments.items())
    calls = {
        "parameters": f"<tool_call>\n<function=note>\n{between}</function>\n</tool_call>",
        "pairs": f"<tool_call>note\n{pairs}</tool_call>",
    }

    for tag_form, text in calls.items():
        assert accepts(grammar(NOTE, "<tool_call>", tag_form=tag_form), text) == is_possible, text
    assert accepts(grammar(NOTE, "<tool_call>", tag_form="pairs"), "<tool_call>now\n</tool_call>")
    assert accepts(grammar(NOTE, "<function=", tag_form="parameters"), "<function=now>\n</function>")


@given(text=st.text(st.sampled_from("\n</>eparmtx "), max_size=40))
@settings(max_examples=200, deadline=None)
def test_text_goes_up_to_its_closing_tag_and_no_further(accepts: Accepts, text: str) -> None:
    end, never = "\n</parameter>", "</parameter>"
    rules = Rules()
    gbnf = rules.text(up_to(end, rules, never=never))

    for whole in (text, text + end):
        is_possible = whole.endswith(end) and whole.find(never) == len(whole) - len(never)
        assert accepts(gbnf, whole) == is_possible, whole


@pytest.mark.parametrize("mark", [*COMMON_MARKS, ""])
def test_required_calls_are_nothing_but_calls(mark: str, walker: Walker) -> None:
    marks = [mark] if mark else []
    text = grammar(FUNCTIONS, *marks, is_required=True)

    counts = []
    for seed in range(12):
        walk = walker.walk(text, seed)
        if not walk.is_complete:
            continue
        calls = parsed(walk.text, *marks)
        for call in calls:
            jsonschema.validate(call.arguments, SCHEMAS[call.name])
        counts.append(len(calls))
    assert len(counts) >= 8
    assert (min(counts) > 0, max(counts) > 1) == (True, True)


def test_call_or_answer_in_a_format(walker: Walker) -> None:
    schema = {"type": "object", "properties": {"sky": {"enum": ["blue", "grey"]}}, "required": ["sky"]}
    text = grammar(json_schema=json.dumps(schema), is_single=True)

    answers = [walker.walk(text, seed) for seed in range(30)]

    assert all(answer.is_complete for answer in answers)
    read = [parsed(answer.text) for answer in answers]
    formatted = [parts[0] for parts in read if isinstance(parts[0], str)]
    for answer in formatted:
        jsonschema.validate(json.loads(answer), schema)
    assert 0 < len(formatted) < len(read)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "now", "arguments": {}}',
        '{"name": "now", "parameters": {}}',
        '{"type": "function", "name": "now", "parameters": {}}',
        '{"tool_name": "now", "parameters": {}}',
        '{\n  "name": "now",\n  "arguments": {}\n}',
        '[{"name": "now", "arguments": {}, "id": "call_1"}, {"name": "wait", "arguments": {}}]',
        '{"name":"get_weather","arguments":{"city":"Rome","unit":"°C"}}',
        '{"name": "出発", "arguments": {"für": null}}',
    ],
)
def test_call_may_be_written_as_models_do(text: str, accepts: Accepts) -> None:
    assert accepts(grammar(), text)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "later", "arguments": {}}',
        '{"name": "get_weather", "arguments": {}}',
        '{"name": "get_weather", "arguments": {"city": "Rome", "unit": "K"}}',
        '{"name": "now", "arguments": {"city": "Rome"}}',
        '{"name": "wait", "arguments": {"city": "Rome"}}',
        '{"name": "now"}',
        "{}",
        "[]",
    ],
)
def test_what_is_no_call_is_not_allowed(text: str, accepts: Accepts) -> None:
    assert not accepts(grammar(), text)


def test_single_call_is_one_also_in_a_list(accepts: Accepts) -> None:
    two = '[{"name": "now", "arguments": {}}, {"name": "now", "arguments": {}}]'

    assert accepts(grammar(), two)
    assert not accepts(grammar(is_single=True), two)


LOOSE: dict[str, tuple[Any, Any, Any]] = {
    # A schema, arguments that are possible then, and arguments that still are not.
    "unique": (
        {"properties": {"a": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}}},
        {"a": [1, 1]},
        {"a": ["x"]},
    ),
    "unknown_format": ({"properties": {"a": {"type": "string", "format": "iri"}}}, {"a": "x"}, {"a": 1}),
    "lookahead": ({"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}, {"a": "y"}, {"a": 1}),
    "length_beside_pattern": (
        {"properties": {"a": {"type": "string", "pattern": "^x+$", "maxLength": 2}}},
        {"a": "xxx"},
        {"a": "y"},
    ),
    "fraction": ({"properties": {"a": {"type": "number", "minimum": 0.5, "maximum": 1.5}}}, {"a": 2}, {"a": 3}),
    "multiple": ({"properties": {"a": {"type": "integer", "multipleOf": 5}}}, {"a": 3}, {"a": "x"}),
    "not": ({"properties": {"a": {"type": "integer", "not": {"const": 1}}}}, {"a": 1}, {"a": "x"}),
    "one_of": (
        {"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}},
        {"a": 1},
        {"a": "x"},
    ),
    "conditional": ({"properties": {"a": {"type": "integer"}}, "if": {}, "then": {"required": ["a"]}}, {}, {"a": "x"}),
    "draft_4": ({"properties": {"a": {"type": "integer", "minimum": 0, "exclusiveMinimum": True}}}, {"a": 0}, {"a": -1}),
    "counts": ({"properties": {"a": {"type": "integer"}}, "minProperties": 1}, {}, {"a": "x"}),
    "foreign_reference": ({"properties": {"a": {"$ref": "https://example.org/a"}}}, {"b": 1}, [1]),
    "contradiction": (
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"a": {"type": "string"}}}]},
        {"a": 1},
        [1],
    ),
    "no_object": ({"type": "string"}, {"a": 1}, "x"),
}


@pytest.mark.parametrize("name", LOOSE)
def test_what_a_grammar_cannot_say_is_left_out_unless_it_is_demanded(name: str, accepts: Accepts) -> None:
    schema, good, bad = LOOSE[name]
    function = {"name": "act", "parameters": schema}

    loose = grammar([function])

    for arguments, is_possible in ((good, True), (bad, False)):
        call = json.dumps({"name": "act", "arguments": arguments})
        assert accepts(loose, call) == is_possible, arguments
        assert (parsed(call, functions=[function]) == [ToolCall(0, "act", arguments)]) == is_possible
    for demand in ({"is_required": True}, {}):
        with pytest.raises(InvalidRequest, match=r'^tools: the parameters of "act" cannot be kept to: .'):
            grammar([function if demand else {**function, "strict": True}], **demand)
