"""As `jsonschema` has it, for what a grammar can express."""

import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from inference.grammar.matching import keeps_to_pattern
from inference.grammar.validity import is_valid
from tests.inference.grammar.test_json_schema import CASES, VALUES


@pytest.mark.parametrize("name", CASES)
def test_examples_are_told_apart(name: str) -> None:
    schema, good, bad = CASES[name]

    assert [is_valid(value, schema) for value in good] == [True] * len(good)
    assert [is_valid(value, schema) for value in bad] == [False] * len(bad)


@settings(max_examples=200, deadline=None)
@given(value=VALUES)
def test_any_value_is_judged_as_by_jsonschema(value: Any) -> None:
    for schema, _good, _bad in CASES.values():
        assert is_valid(value, schema) == jsonschema.Draft202012Validator(schema).is_valid(value), (value, json.dumps(schema))


def test_pattern_that_backtracking_takes_for_ever_on_is_decided_soon() -> None:
    started = time.monotonic()

    assert not keeps_to_pattern("a" * 3000 + "!", "^(a|a|aa)+$")
    assert not keeps_to_pattern("a" * 400 + "!", "^(a+)+$") and keeps_to_pattern("a" * 40, "^(a+)+$")
    assert time.monotonic() - started < 10
