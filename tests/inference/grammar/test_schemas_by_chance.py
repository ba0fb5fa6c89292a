"""200 schemas by chance. Texts that their grammars let through, put together by chance from the real vocabulary in llama.cpp's
own sampler, are valid for `jsonschema`. It shows that a grammar allows nothing that its schema does not. That a runner holds
a model to a grammar is shown with the real model, in `tests/inference/runner/answers/test_schemas_by_chance.py`.
"""

import json
from collections import Counter
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.grammar.gbnf import check_form
from inference.grammar.json_schema import grammar_of
from inference.grammar.tool_calls import calls_grammar
from inference.grammar.validity import is_valid
from inference.prompt.parsing import AnswerParser, AnswerSyntax, ToolCall
from inference.prompt.parsing.tool_calls import COMMON_MARKS
from tests.inference.grammar.schemas import ARGUMENTS, SCHEMAS
from tests.inference.grammar.walk import Walker

pytestmark = pytest.mark.model

#: Those that `jsonschema` knows by itself.
FORMAT_CHECKER = jsonschema.FormatChecker(["ipv4", "uuid", "email"])
NUM_WALKS = 3
BY_CHANCE = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def check(value: Any, schema: Any) -> None:
    jsonschema.Draft202012Validator(schema, format_checker=FORMAT_CHECKER).validate(value)


def test_whatever_a_grammar_allows_is_valid(walker: Walker) -> None:
    count: Counter[bool] = Counter()

    @BY_CHANCE
    @given(schema=SCHEMAS, seed=st.integers(0, 10**6))
    def check_schema(schema: Any, seed: int) -> None:
        grammar = grammar_of(json.dumps(schema))
        check_form(grammar)
        for walk in (walker.walk(grammar, seed + number) for number in range(NUM_WALKS)):
            count[walk.is_complete] += 1
            if walk.is_complete:
                check(json.loads(walk.text), schema)
                assert is_valid(json.loads(walk.text), schema)

    check_schema()
    assert count[True] >= 180 * NUM_WALKS, count


def test_arguments_of_whatever_call_a_grammar_allows_are_valid(walker: Walker) -> None:
    count: Counter[bool] = Counter()

    @settings(BY_CHANCE, max_examples=60)
    @given(
        schemas=st.lists(ARGUMENTS, min_size=1, max_size=3), mark=st.sampled_from(["", *COMMON_MARKS]), seed=st.integers(0, 10**6)
    )
    def check_tools(schemas: list[Any], mark: str, seed: int) -> None:
        functions = [{"name": f"tool_{number}", "parameters": schema} for number, schema in enumerate(schemas)]
        marks = (mark,) if mark else ()
        grammar = calls_grammar(json.dumps(functions), marks, is_bare=not mark, is_required=True, is_single=True)
        for walk in (walker.walk(grammar, seed + number) for number in range(NUM_WALKS)):
            count[walk.is_complete] += 1
            if walk.is_complete:
                parser = AnswerParser(AnswerSyntax(), tools=[{"function": function} for function in functions], is_strict=True)
                (call,) = [*parser.feed(walk.text), *parser.finish()]
                assert isinstance(call, ToolCall), walk.text
                check(call.arguments, schemas[int(call.name.removeprefix("tool_"))])

    check_tools()
    assert count[True] >= 48 * NUM_WALKS, count
