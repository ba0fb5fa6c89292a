"""What a conversation in OpenAI's shape becomes, and what of it is refused."""

import json
from typing import Any

import pytest

from inference.api.body import parse_body
from inference.api.openai.messages import read_messages
from inference.api.openai.schemas import ChatCompletionBody
from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest

DATA_URL = "data:image/png;base64,AAAA"


def read(*messages: Any) -> list[MessageBody]:
    return read_messages(parse_body(json.dumps({"messages": messages}).encode(), ChatCompletionBody).messages)


def refusal(*messages: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as refused:
        read(*messages)
    return str(refused.value), refused.value.param


@pytest.mark.parametrize(
    ("role", "expected"),
    [("developer", "system"), ("system", "system"), ("User", "user"), ("function", "tool"), ("control", "control")],
)
def test_roles_become_those_of_templates(role: str, expected: str) -> None:
    assert read({"role": role, "content": "x"}) == [MessageBody(role=expected, content="x")]


def test_text_parts_of_one_message_become_one_text() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
        {"type": "text", "text": "Be brief.", "cache_control": None},
        {"type": "image_url", "image_url": DATA_URL},
        {"type": "text", "text": ""},
    ]

    assert read({"role": "user", "content": parts}) == [
        MessageBody(role="user", content="What is this?\nBe brief.", images=[DATA_URL, DATA_URL])
    ]


def test_calls_and_their_results_keep_their_ids() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"b": 2, "a": 1}'}}

    asked, result = read(
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None, "audio": None},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "3"}]},
    )

    assert asked.tool_calls == [{"id": "call_1", "function": {"name": "add", "arguments": {"b": 2, "a": 1}}}]
    assert list(asked.tool_calls[0]["function"]["arguments"]) == ["b", "a"]
    assert result == MessageBody(role="tool", content="3", tool_call_id="call_1")


def test_calls_of_the_older_shape() -> None:
    asked, result = read(
        {"role": "assistant", "content": None, "function_call": {"name": "now", "arguments": ""}},
        {"role": "function", "name": "now", "content": "noon"},
    )

    assert asked.tool_calls == [{"function": {"name": "now", "arguments": {}}}]
    assert result == MessageBody(role="tool", content="noon", tool_name="now")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thinking_of_an_earlier_answer_comes_back(field: str) -> None:
    assert read({"role": "assistant", "content": "4", field: "2 + 2"}) == [
        MessageBody(role="assistant", content="4", thinking="2 + 2")
    ]


def test_name_of_a_person_is_not_a_tool() -> None:
    assert read({"role": "user", "name": "alice", "content": "x"}) == [MessageBody(role="user", content="x")]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "x"}, ("messages[0].role is required", "messages[0].role")),
        ({"role": "user", "content": 1}, ("invalid message content type: float64", "messages[0].content")),
        ({"role": "user", "content": {}}, ("invalid message content type: map[string]interface {}", "messages[0].content")),
        ({"role": "user", "content": [7]}, ("invalid message format", "messages[0].content[0]")),
        ({"role": "user", "content": [{"type": "text"}]}, ("invalid message format", "messages[0].content[0].text")),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
            ('content parts "input_audio" are not supported; text and image_url are', "messages[0].content[0].type"),
        ),
        (
            {"role": "user", "content": [{"text": "x"}]},
            ("content parts without a type are not supported; text and image_url are", "messages[0].content[0].type"),
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
            (
                "image URLs are not currently supported, please use base64 encoded data instead",
                "messages[0].content[0].image_url.url",
            ),
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]},
            ("invalid image input", "messages[0].content[0].image_url.url"),
        ),
        (
            {"role": "user", "content": [{"type": "image_url"}]},
            ("invalid image input", "messages[0].content[0].image_url"),
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]},
            ("invalid tool call arguments", "messages[0].tool_calls[0].function.arguments"),
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]},
            ("invalid tool call arguments", "messages[0].tool_calls[0].function.arguments"),
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[" * 20_000}}]},
            ("invalid tool call arguments", "messages[0].tool_calls[0].function.arguments"),
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "1"}]},
            ("messages[0].tool_calls[0].function.name is required", "messages[0].tool_calls[0].function.name"),
        ),
        (
            {"role": "assistant", "tool_calls": [{"type": "custom", "custom": {}}]},
            (
                "messages[0].tool_calls[0].type must be function: no other tools can be called here",
                "messages[0].tool_calls[0].type",
            ),
        ),
    ],
)  # fmt: skip
def test_refusal_names_the_field(message: Any, expected: tuple[str, str]) -> None:
    assert refusal(message) == expected


def test_no_messages_are_refused_in_ollamas_words() -> None:
    assert refusal() == ("[] is too short - 'messages'", "messages")
