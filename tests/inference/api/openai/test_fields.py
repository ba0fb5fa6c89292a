"""Fields of OpenAI's requests that become options, a format, tools or a wish to think."""

import json
from typing import Any

import pytest

from inference.api.body import parse_body
from inference.api.openai.chat import chat_body_of
from inference.api.openai.response_format import read_response_format
from inference.api.openai.sampling import read_sampling
from inference.api.openai.schemas import ChatCompletionBody, CompletionBody
from inference.api.openai.thinking import read_effort, read_switch
from inference.api.openai.tools import OfferedTools, read_offered_tools
from inference.api.options import read_options
from inference.errors import InvalidRequest

ADD = {"type": "function", "function": {"name": "add", "parameters": {}}}
NOW = {"type": "function", "function": {"name": "now"}}
NAMED = {"type": "function", "function": {"name": "add"}}


def body(**fields: Any) -> ChatCompletionBody:
    return parse_body(json.dumps(fields).encode(), ChatCompletionBody)


def param_of(call: Any, *arguments: Any) -> str | None:
    with pytest.raises(InvalidRequest) as refused:
        call(*arguments)
    return refused.value.param


def test_sampling_without_wishes_is_empty() -> None:
    assert read_sampling(body(temperature=None, stop=None, logit_bias={}), None) == {}


def test_sampling_fields_become_options_and_come_before_them() -> None:
    asked = body(
        temperature=0, top_p=0.5, seed=3, stop="END", frequency_penalty=1, presence_penalty=-1, num_ctx=512, top_k=5,
        logit_bias={"15": -100, "16": 2.5}, options={"temperature": 1.5, "min_p": 0.1},
    )  # fmt: skip

    options = read_options({}, read_sampling(asked, 7), num_ctx=4096, num_ctx_train=None)

    assert (options.num_ctx, options.max_tokens, options.stop) == (512, 7, ["END"])
    sampling = options.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.top_k) == (0, 0.5, 3, 5)
    assert (sampling.frequency_penalty, sampling.presence_penalty, sampling.min_p) == (1, -1, 0.1)
    assert sampling.logit_bias == {15: float("-inf"), 16: 2.5}


def test_empty_stop_replaces_the_modelfiles() -> None:
    assert read_sampling(body(stop=[]), None) == {"stop": []}


@pytest.mark.parametrize("stop", [1, True, {"a": 1}, ["a", 1]])
def test_stop_of_another_type_is_refused(stop: Any) -> None:
    assert param_of(read_sampling, body(stop=stop), None) == "stop"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("temperature", "hot", "temperature must be a number or null, not a string"),
        ("max_tokens", "many", "max_tokens must be a whole number or null, not a string"),
        ("n", 1.5, "n must be a whole number, not a number"),
        ("stream", "yes", "stream must be true or false, not a string"),
        ("messages", "hi", "messages must be an array, not a string"),
        ("messages", [{"role": "user"}, {"role": 5}], "messages[1].role must be a string, not a whole number"),
        ("messages", [{}, {}, 7], "messages[2] must be an object, not a whole number"),
        ("logit_bias", [], "logit_bias must be an object or null, not an array"),
        ("response_format", {"type": 7}, "response_format.type must be a string, not a whole number"),
        ("stream_options", {"include_usage": 1}, "stream_options.include_usage must be true or false, not a whole number"),
    ],
)
def test_wrong_type_is_refused_naming_the_field(field: str, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        body(**{field: value})

    assert str(refused.value) == sentence
    assert (refused.value.param or "").startswith(field)


@pytest.mark.parametrize("prompt", ["a", ["a", "b"], [1, 2], [[1], [2]], []])
def test_prompt_of_completions_has_every_form(prompt: Any) -> None:
    assert parse_body(json.dumps({"prompt": prompt}).encode(), CompletionBody).prompt == prompt


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        ({"type": "json_object", "schema": {"type": "object"}}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"a": None}}}, {"a": None}),
    ],
)
def test_response_format(asked: Any, expected: Any) -> None:
    assert read_response_format(body(response_format=asked).response_format) == expected


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "response_format.type"),
        ({"type": "grammar"}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema.schema"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "response_format.json_schema.schema"),
    ],
)
def test_response_format_is_refused(asked: Any, param: str) -> None:
    assert param_of(read_response_format, body(response_format=asked).response_format) == param


@pytest.mark.parametrize(
    ("effort", "expected"),
    [("", None), ("none", False), ("minimal", "low"), ("medium", "medium"), ("high", "high"), ("xhigh", "max")],
)
def test_effort_is_a_level(effort: str, expected: Any) -> None:
    assert read_effort(effort, "reasoning_effort") == expected


def test_unknown_effort_is_refused() -> None:
    assert param_of(read_effort, "enormous", "reasoning.effort") == "reasoning.effort"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False),
        ({"chat_template_kwargs": {"thinking": True}}, True),
        ({"chat_template_kwargs": {"enable_thinking": "no"}}, None),
        ({"enable_thinking": False, "thinking_budget": 100}, False),
        ({"enable_thinking": True}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": {"type": "enabled"}, "chat_template_kwargs": {"enable_thinking": False}}, True),
        ({"thinking": {"type": "auto"}}, None),
        ({"reasoning": {"enabled": False}}, False),
        ({"reasoning": {"max_tokens": 100}}, None),
    ],
)
def test_switch_of_other_servers(fields: dict[str, Any], expected: bool | None) -> None:
    assert read_switch(body(**fields)) is expected
    assert chat_body_of(body(messages=[{"role": "user", "content": "hi"}], **fields)).think is expected


def test_plain_wish_and_effort_come_before_a_switch() -> None:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "enable_thinking": False}

    assert chat_body_of(body(**asked, think="low")).think == "low"
    assert chat_body_of(body(**asked, reasoning_effort="high")).think == "high"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, OfferedTools([ADD, NOW])),
        (NAMED, OfferedTools([ADD, NOW], NAMED)),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED]}},
            OfferedTools([ADD], "required"),
        ),
    ],
)
def test_tool_choice(choice: Any, expected: OfferedTools) -> None:
    assert read_offered_tools(body(tools=[ADD, NOW], tool_choice=choice)) == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [ADD], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}}, "tool_choice"),
        (
            {"tools": [ADD], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NOW]}}},
            "tool_choice",
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"functions": [{"name": "x"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
    ],
)  # fmt: skip
def test_tools_are_refused_naming_the_field(fields: dict[str, Any], param: str) -> None:
    assert param_of(read_offered_tools, body(**fields)) == param
