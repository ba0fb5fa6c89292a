"""Schemas by chance, given to the real model, which answers as hot as it gets: what a runner lets it write is valid for
`jsonschema`, and where it is cut off the grammar's text could have gone on from there. That a grammar is right about its schema
is shown with many more in `tests/inference/grammar/test_schemas_by_chance.py`."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inference.grammar.json_schema import grammar_of
from inference.prompt.parsing import AnswerParser, AnswerSyntax, ToolCall
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.grammar import Grammar
from inference.runner.messages import CallRules, SamplingParams
from tests.inference.grammar.schemas import ARGUMENTS, SCHEMAS
from tests.inference.grammar.test_schemas_by_chance import check
from tests.inference.runner.answers.conftest import House

pytestmark = pytest.mark.model

#: The first of them is the simplest there is.
A_FEW = settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
ROOM = 40


def hot(seed: int) -> SamplingParams:
    return SamplingParams(temperature=1.5 + seed % 3 / 4, seed=seed, top_k=0, top_p=0.98)


def test_hot_answers_are_valid(house: House) -> None:
    complete = []

    @A_FEW
    @given(schemas=st.lists(SCHEMAS, min_size=9, max_size=9))
    def check_answers(schemas: list[Any]) -> None:
        wishes = [{"json_schema": json.dumps(schema), "sampling": hot(n), "max_tokens": ROOM} for n, schema in enumerate(schemas)]
        answers = house.ask_all(wishes)  # type: ignore[arg-type]
        for schema, answer in zip(schemas, answers, strict=True):
            if answer.reason == "stop":
                check(json.loads(answer.text), schema)
                complete.append(schema)
            else:
                grammar = Grammar(grammar_of(json.dumps(schema)), house.model.vocabulary)
                assert grammar.follow(answer.text, Candidates(house.model.vocabulary.num_tokens)), answer.text

    check_answers()
    assert len(complete) >= 14


def test_arguments_of_hot_calls_are_valid(house: House) -> None:
    complete = []

    @A_FEW
    @given(schemas=st.lists(ARGUMENTS, min_size=2, max_size=2))
    def check_calls(schemas: list[Any]) -> None:
        functions = [{"name": "act", "parameters": schema} for schema in schemas]
        rules = [
            CallRules(tools=json.dumps([each]), marks=["<tool_call>"], is_required=True, is_single=True) for each in functions
        ]
        wishes = [{"calls": each, "sampling": hot(n), "max_tokens": 2 * ROOM} for n, each in enumerate(rules)]
        for function, answer in zip(functions, house.ask_all(wishes), strict=True):  # type: ignore[arg-type]
            parser = AnswerParser(AnswerSyntax(), tools=[{"function": function}], is_strict=True)
            parts = [*parser.feed(answer.text), *parser.finish()]
            calls = [part for part in parts if isinstance(part, ToolCall)]
            for call in calls:
                check(call.arguments, function["parameters"])
            if answer.reason == "stop":
                assert (len(calls), len(parts)) == (1, 1), answer.text
                complete.append(function)

    check_calls()
    assert len(complete) >= 2
