"""Every schema of the table is compiled; llama.cpp then takes the good examples and not the bad ones. Whatever it takes, the
`jsonschema` package has to find valid too, also of values that chance has put together."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_form
from inference.grammar.json_schema import MAX_SCHEMA_CHARACTERS, grammar_of
from tests.inference.grammar.conftest import Accepts

pytestmark = pytest.mark.model


def thing(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
NODE = {
    "$defs": {
        "node": thing({"value": WHOLE, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, required=["next"])
    },
    "$ref": "#/$defs/node",
}
EXPRESSION = {
    "$defs": {
        "number": thing({"kind": {"const": "number"}, "value": WHOLE}, required=["kind", "value"]),
        "sum": thing({"kind": {"const": "sum"}, "parts": {"type": "array", "items": {"$ref": "#"}}}, required=["kind", "parts"]),
    },
    "oneOf": [{"$ref": "#/$defs/number"}, {"$ref": "#/$defs/sum"}],
}
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "anything": ({}, [1, "a", [], {}, None, {"a": [1, {"b": True}]}], []),
    "true": (True, [1, {"a": 1}], []),
    "object": ({"type": "object"}, [{}, {"a": {"b": [1.5, None]}}], [1, []]),
    "array": ({"type": "array"}, [[], [1, "a", [2]]], [{}, "x"]),
    "string": (TEXT, ["", "é👍", 'q"\\\n'], [1]),
    "null": ({"type": "null"}, [None], [0]),
    "boolean": ({"type": "boolean"}, [True, False], [1]),
    "number": ({"type": "number"}, [0, -1.5, 1e20], ["1"]),
    "types": ({"type": ["string", "null"]}, ["a", None], [1]),
    "enum": ({"enum": ["red", 1, None, {"a": [1]}]}, ["red", 1, None, {"a": [1]}], ["blue", 2]),
    "const": ({"const": "x y"}, ["x y"], ["x"]),
    "enum_of_type": ({"type": "integer", "enum": [1, "1", 2]}, [1, 2], ["1", 3]),
    "optional": (
        thing({"a": WHOLE, "b": TEXT, "c": WHOLE}, required=["b"]),
        [{"b": ""}, {"a": 1, "b": "", "c": 2}],
        [{"a": 1}, {}],
    ),
    "all_optional": (thing({"a": WHOLE, "b": WHOLE}), [{}, {"a": 1}, {"b": 1}, {"a": 1, "b": 2}], [{"a": "x"}]),
    "all_required": (thing({"a": WHOLE, "b": WHOLE}, required=["a", "b"]), [{"a": 1, "b": 2}], [{"a": 1}, {"b": 2}]),
    "no_more": (thing({"a": WHOLE}, additionalProperties=False), [{}, {"a": 1}], [{"b": 1}, {"a": 1, "b": 1}]),
    "nothing": (thing({}, additionalProperties=False), [{}], [{"a": 1}]),
    "more": (
        thing({"ab": WHOLE}, additionalProperties=TEXT),
        [{}, {"ab": 1, "a": "", "abc": "", "": ""}, {"x": ""}],
        [{"a": 1}, {"ab": ""}],
    ),
    "map": ({"type": "object", "additionalProperties": WHOLE}, [{}, {"a": 1, "b": 2}], [{"a": "1"}]),
    "more_required": (thing({"a": WHOLE}, required=["a", "z"], additionalProperties=True), [{"a": 1, "z": None}], [{"a": 1}]),
    "nested": (
        thing({"a": thing({"b": {"type": "array", "items": WHOLE}}, required=["b"])}, required=["a"]),
        [{"a": {"b": [1]}}],
        [{"a": {}}],
    ),
    "items": ({"type": "array", "items": WHOLE, "minItems": 1, "maxItems": 3}, [[1], [1, 2, 3]], [[], [1, 2, 3, 4], ["a"]]),
    "many_items": (
        {"type": "array", "items": WHOLE, "minItems": 40, "maxItems": 90},
        [[1] * 40, [1] * 77, [1] * 90],
        [[1] * 39, [1] * 91],
    ),
    "tuple": (
        {"type": "array", "prefixItems": [WHOLE, TEXT], "items": False, "minItems": 2},
        [[1, "a"]],
        [[1], ["a", 1], [1, "a", 2]],
    ),
    "no_items": ({"type": "array", "maxItems": 0}, [[]], [[1]]),
    "length": ({"type": "string", "minLength": 2, "maxLength": 4}, ["ab", 'a\n"é'], ["a", "abcde"]),
    "long": ({"type": "string", "maxLength": 5000}, ["", "x" * 5000], ["x" * 5001]),
    "exactly": ({"type": "string", "minLength": 33, "maxLength": 33}, ["x" * 33], ["x" * 32, "x" * 34]),
    "age": ({"type": "integer", "minimum": 0, "exclusiveMaximum": 130}, [0, 9, 99, 129], [-1, 130]),
    "half_bounds": ({"type": "integer", "minimum": 0.5, "maximum": 2.5}, [1, 2], [0, 3]),
    "share": ({"type": "number", "minimum": 0, "maximum": 1}, [0, 0.5, 1], [-0.5, 1.5]),
    "above": ({"type": "number", "exclusiveMinimum": 0}, [0.01, 5, 1000.5], [0, -1]),
    "any_of": ({"anyOf": [WHOLE, {"type": "array", "items": WHOLE}]}, [1, [1]], ["a", ["a"]]),
    "beside": (
        {"type": "object", "required": ["k"], "anyOf": [thing({"k": {"const": 1}}), thing({"k": {"const": 2}})]},
        [{"k": 1}, {"k": 2}],
        [{}, {"k": 3}],
    ),
    "one_of": (
        {
            "oneOf": [
                thing({"kind": {"const": "a"}, "x": WHOLE}, required=["kind"]),
                thing({"kind": {"const": "b"}}, required=["kind"]),
            ]
        },
        [{"kind": "a", "x": 1}, {"kind": "b"}],
        [{"kind": "c"}, {}],
    ),
    "one_of_types": ({"oneOf": [TEXT, WHOLE]}, ["a", 1], [None]),
    "all_of": (
        {"allOf": [thing({"a": WHOLE}, required=["a"]), thing({"b": TEXT}, required=["b"])]},
        [{"a": 1, "b": ""}],
        [{"a": 1}, {"b": ""}],
    ),
    "recursive": (NODE, [{"value": 1, "next": {"next": None}}, {"next": None}], [{}, {"next": 1}]),
    "itself": (thing({"more": {"$ref": "#"}}), [{}, {"more": {"more": {}}}], [{"more": 1}]),
    "recursive_union": (
        EXPRESSION,
        [
            {"kind": "number", "value": 1},
            {"kind": "sum", "parts": [{"kind": "sum", "parts": []}, {"kind": "number", "value": 2}]},
        ],
        [{"kind": "sum"}, {"kind": "other"}],
    ),
    "pointer": ({"type": "array", "items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": WHOLE}}, [[1]], [["x"]]),
    "described_reference": ({"$ref": "#/$defs/a", "description": "d", "$defs": {"a": WHOLE}}, [1], ["x"]),
    "annotations": ({"title": "t", "description": "d", "default": 1, "examples": [1], "x-y": 1, "type": "integer"}, [1], ["x"]),
    "odd_names": (thing({'a"b\\': WHOLE, "é\n": WHOLE, "": WHOLE}), [{'a"b\\': 1, "é\n": 2, "": 3}], [{"": "x"}]),
}


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("name", CASES)
def test_schema_takes_good_examples_and_not_bad_ones(name: str, accepts: Accepts) -> None:
    schema, good, bad = CASES[name]
    grammar = grammar_of(json.dumps(schema))

    check_form(grammar)
    for value in good:
        jsonschema.validate(value, schema)
        assert accepts(grammar, written(value)), value
    for value in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema)
        assert not accepts(grammar, written(value)), value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 140) | st.sampled_from(["", "a", "abc", "red", 0.5, 1.25]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "ab", "kind", "k", "next"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_schema_takes_nothing_that_is_not_valid(value: Any, accepts: Accepts) -> None:
    for schema, _good, _bad in CASES.values():
        if accepts(grammar_of(json.dumps(schema)), written(value)):
            jsonschema.validate(value, schema)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "b": 2}', '{"a":1,"b":2}', '{\n  "a": 1,\n  "b": 2\n}', '{ "a": 1, "b": 2 }', '{\n    "a": 1,\n    "b": 2\n}'],
)
def test_object_may_be_laid_out_as_models_do(text: str, accepts: Accepts) -> None:
    assert accepts(grammar_of(json.dumps(CASES["all_required"][0])), text)


@pytest.mark.parametrize("text", ['"\\u00e9\\uD7FF"', '"a\\/b"'])
def test_string_may_be_escaped(text: str, accepts: Accepts) -> None:
    assert accepts(grammar_of('{"type": "string"}'), text)


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\uDFFF"', '"a\nb"', '"\\x"', "{'a': 1}", '{"a": 1,}', "[1,]", "01", '{"a": 1} ']
)
def test_what_is_no_json_is_not_taken(text: str, accepts: Accepts) -> None:
    assert not accepts(grammar_of("{}"), text)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"not": {}}, '"not"'),
        ({"if": {}, "then": {}}, '"if"'),
        ({"type": "array", "uniqueItems": True}, '"uniqueItems"'),
        ({"type": "array", "contains": {}}, '"contains"'),
        ({"patternProperties": {"a": {}}}, '"patternProperties"'),
        ({"propertyNames": {}}, '"propertyNames"'),
        ({"dependentRequired": {}}, '"dependentRequired"'),
        ({"type": "number", "multipleOf": 0.5}, '"multipleOf"'),
        ({"type": "number", "minimum": 0.5}, '"minimum"'),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no number lies"),
        ({"type": "integer", "minimum": "3"}, '"minimum"'),
        ({"type": "string", "format": "phone"}, '"format"'),
        ({"type": "string", "format": {}}, '"format"'),
        ({"type": "string", "pattern": "a", "minLength": 3}, '"minLength"'),
        ({"type": "string", "minLength": -1}, '"minLength"'),
        ({"type": "string", "maxLength": 10**9}, '"maxLength"'),
        ({"type": "array", "prefixItems": [{}], "maxItems": 3}, '"prefixItems"'),
        ({"type": "object", "minProperties": 3}, '"minProperties"'),
        ({"type": "object", "maxProperties": 3}, '"maxProperties"'),
        ({"type": "thing"}, '"type"'),
        ({"type": []}, '"type"'),
        ({"type": [1]}, '"type"'),
        ({"enum": []}, '"enum"'),
        ({"enum": "abc"}, '"enum"'),
        ({"enum": [1], "minimum": 3}, '"minimum"'),
        ({"type": "string", "enum": [1]}, '"enum"'),
        ({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}, '"oneOf"'),
        ({"oneOf": [{"type": 1}, {"required": 2}]}, '"type"'),
        ({"anyOf": []}, '"anyOf"'),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, '"allOf"'),
        ({"allOf": 3}, '"allOf"'),
        ({"$ref": "#"}, "leads back"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "leads back|lead back"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "leads back"),
        ({"allOf": [{"$ref": "#"}]}, "lead back"),
        (
            {"anyOf": [thing({"a": {"$ref": "#"}, "b": WHOLE}), thing({"a": {"$ref": "#"}, "c": WHOLE}), {"type": "null"}]},
            "contains itself",
        ),
        (
            {"type": "array", "items": {"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "array"}]}},
            "contains itself",
        ),
        ({"$ref": "#/$defs/missing"}, "points at nothing"),
        ({"$ref": "https://example.org/schema"}, '"\\$ref"'),
        ({"$ref": 5}, '"\\$ref"'),
        ({"type": "object", "properties": []}, '"properties"'),
        ({"type": "object", "properties": {"a": {}}, "required": "a"}, '"required"'),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, '"required"'),
        (False, "allows nothing"),
        ([], "not an object"),
        ({"properties": {"a": 5}}, "not an object"),
    ],
)
def test_schema_that_cannot_be_kept_to_is_refused_by_keyword(schema: Any, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        grammar_of(json.dumps(schema))


def test_hostile_schemas_are_refused_quickly() -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"type": "array", "items": deep}
    wide = {"type": "object", "properties": {f"p{i}": {"enum": [f"{i}-{j}" for j in range(4)]} for i in range(1500)}}
    chained = {
        "$defs": {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(20)} | {"d20": {}},
        "$ref": "#/$defs/d0",
    }

    with pytest.raises(InvalidRequest, match="nested too deeply"):
        grammar_of(json.dumps(deep))
    with pytest.raises(InvalidRequest, match=r"too large|longer"):
        grammar_of(json.dumps(wide))
    with pytest.raises(InvalidRequest, match="longer than"):
        grammar_of(json.dumps({"description": "x" * MAX_SCHEMA_CHARACTERS}))
    assert len(grammar_of(json.dumps(chained))) < 20_000


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[" * 100_000, '{"const": NaN}', '{"const": 1e400}'])
def test_schema_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"valid JSON|longer|without end|not an object"):
        grammar_of(text)


def test_nothing_of_a_schema_gets_into_the_grammar_unquoted(accepts: Accepts) -> None:
    name = '" root ::= "x" #\n'
    schema = thing({name: {"const": '"\n] }'}}, required=[name])

    grammar = grammar_of(json.dumps(schema))

    check_form(grammar)
    assert accepts(grammar, written({name: '"\n] }'}))
    assert not accepts(grammar, "x")


@settings(max_examples=200, deadline=None)
@given(
    schema=st.recursive(
        st.booleans() | st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "properties",
                        "required",
                        "items",
                        "anyOf",
                        "oneOf",
                        "allOf",
                        "$ref",
                        "enum",
                        "const",
                        "minimum",
                        "pattern",
                        "maxLength",
                        "minItems",
                        "prefixItems",
                        "additionalProperties",
                        "format",
                        "multipleOf",
                        "$defs",
                        "maximum",
                    ]
                ),
                inner | st.sampled_from(["object", "array", "string", "#", "#/$defs", ["object", "array"]]),
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_schema_is_compiled_or_refused(schema: Any) -> None:
    try:
        grammar = grammar_of(json.dumps(schema))
    except InvalidRequest:
        return
    check_form(grammar)
