"""What a request in Anthropic's shape becomes, and what of it is refused."""

import json
from typing import Any

import pytest

from inference.api.anthropic.schemas import MessagesBody
from inference.api.anthropic.translation import chat_body_of, marks_cache
from inference.api.body import parse_body
from inference.api.schemas import ChatBody, MessageBody
from inference.errors import InvalidRequest

ASK: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
TOOL: dict[str, Any] = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
WEB: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def parsed(**fields: Any) -> MessagesBody:
    return parse_body(json.dumps(ASK | fields).encode(), MessagesBody)


def read(**fields: Any) -> ChatBody:
    return chat_body_of(parsed(**fields))


def said(role: str, *blocks: Any) -> list[MessageBody]:
    return read(messages=[{"role": role, "content": list(blocks)}]).messages


def refusal(**fields: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    return str(refused.value), refused.value.param


def test_blocks_of_a_user_become_one_message_and_results_messages_of_their_own() -> None:
    blocks = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "dry"}, IMAGE]},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no city", "is_error": True},
        {"type": "tool_result", "tool_use_id": "toolu_3"},
        {"type": "text", "text": "And now?", "cache_control": {"type": "ephemeral"}},
        IMAGE,
        {"type": "document", "title": "Notes", "source": {"type": "text", "media_type": "text/plain", "data": "one"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "two"}, IMAGE]}},
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "three"}]},
    ]

    assert said("user", *blocks) == [
        MessageBody(role="tool", content="dry", images=["AAAA"], tool_call_id="toolu_1"),
        MessageBody(role="tool", content="Error: no city", tool_call_id="toolu_2"),
        MessageBody(role="tool", tool_call_id="toolu_3"),
        MessageBody(role="user", content="And now?\nNotes\none\ntwo\nT\nS\nthree", images=["AAAA", "AAAA"]),
    ]


def test_blocks_of_an_answer_become_thinking_text_and_calls() -> None:
    blocks = [
        {"type": "thinking", "thinking": "It may.", "signature": "whatever"},
        {"type": "redacted_thinking", "data": "xx"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"b": 1, "a": 2}},
    ]

    (message,) = said("assistant", *blocks)

    assert message == MessageBody(
        role="assistant",
        content="I look.",
        thinking="It may.",
        tool_calls=[{"id": "toolu_1", "function": {"name": "look", "arguments": {"b": 1, "a": 2}}}],
    )
    assert list(message.tool_calls[0]["function"]["arguments"]) == ["b", "a"]


def test_what_anthropics_servers_did_is_passed_over() -> None:
    (message,) = said(
        "assistant",
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result"}]},
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "look", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "content": []},
        {"type": "text", "text": "Dry.", "citations": []},
    )

    assert message == MessageBody(role="assistant", content="Dry.")


def test_tools_that_were_found_are_named() -> None:
    """As Claude Code tells what its search for tools came to."""
    found = [{"type": "tool_reference", "tool_name": "Bash"}, {"type": "tool_reference", "tool_name": "Read"}]

    (message,) = said("user", {"type": "tool_result", "tool_use_id": "toolu_1", "content": found})
    assert message == MessageBody(role="tool", content="Bash\nRead", tool_call_id="toolu_1")


def test_system_comes_first_without_what_changes_with_each_request() -> None:
    blocks = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=1; cch=5ab;"},
        {"type": "text", "text": "Be kind."},
    ]

    assert read(system=blocks).messages[0] == MessageBody(role="system", content="Be kind.")
    assert read(system="Be kind.").messages[0] == MessageBody(role="system", content="Be kind.")
    assert [message.role for message in read(system=blocks[:1]).messages] == ["user"]


def test_options_are_those_of_the_protocol_over_ollamas() -> None:
    body = read(temperature=0.5, top_p=0.9, top_k=3, stop_sequences=["x"], options={"num_predict": 9, "seed": 1})

    assert body.options == {"num_predict": 5, "seed": 1, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "stop": ["x"]}
    assert read(stop_sequences=[]).options == {"num_predict": 5}
    assert body.truncate is False


@pytest.mark.parametrize(
    ("fields", "think"),
    [
        ({}, False),
        ({"output_config": {"effort": "high"}}, False),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": {"type": "adaptive"}}, True),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "max"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9000}, "output_config": {"effort": "low"}}, "low"),
    ],
)
def test_thinking_has_to_be_asked_for(fields: dict[str, Any], think: bool | str) -> None:
    assert read(**fields).think == think


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
    ],
)
def test_tools_become_functions(choice: Any, expected: Any) -> None:
    body = read(tools=[TOOL, WEB], tool_choice=choice)

    assert body.tools == [
        {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
    ]
    assert (body.tool_choice, body.parallel_tool_calls) == (expected, True)


def test_one_call_at_a_time_can_be_asked_for() -> None:
    assert not read(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}).parallel_tool_calls


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_format_is_a_schema(place: str) -> None:
    asked: dict[str, Any] = {"type": "json_schema", "schema": {"type": "object"}}

    assert read(**{place: {"format": asked} if place == "output_config" else asked}).format == {"type": "object"}


@pytest.mark.parametrize(
    ("fields", "is_marked"),
    [
        ({}, False),
        ({"cache_control": {"type": "ephemeral"}}, True),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}, True),
        ({"tools": [TOOL | {"cache_control": {"type": "ephemeral"}}, TOOL]}, True),
        ({"messages": [{"role": "user", "content": [IMAGE | {"cache_control": {}}]}]}, True),
        ({"messages": [{"role": "user", "content": [IMAGE | {"cache_control": None}]}]}, False),
    ],
)
def test_marks_for_a_cache_are_found(fields: dict[str, Any], is_marked: bool) -> None:
    assert marks_cache(parsed(**fields)) is is_marked


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "", "max_tokens": 0, "messages": []}, ("model is required", "model")),
        ({"max_tokens": 0, "messages": []}, ("max_tokens is required and must be positive", "max_tokens")),
        ({"max_tokens": None}, ("max_tokens is required and must be positive", "max_tokens")),
        ({"messages": []}, ("messages is required", "messages")),
        ({"messages": [{"content": "x"}]}, ("messages[0].role must be user, assistant or system", "messages[0].role")),
        ({"messages": [{"role": "user"}]},
         ("messages[0].content must be a string or an array of blocks", "messages[0].content")),
        ({"messages": [{"role": "user", "content": ["x"]}]},
         ("messages[0].content[0] must be an object", "messages[0].content[0]")),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
         ("messages[0].content[0].text must be a string", "messages[0].content[0].text")),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
         ('blocks "audio" are not supported at messages[0].content[0]; text, image, document, search_result, tool_result are',
          "messages[0].content[0].type")),
        ({"messages": [{"role": "assistant", "content": [IMAGE]}]},
         ('blocks "image" are not supported at messages[0].content[0]; text, thinking, redacted_thinking, tool_use are',
          "messages[0].content[0].type")),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://x/"}}]}]},
         ("images have to come in the request: source.type must be base64", "messages[0].content[0].source.type")),
        ({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "data": "x"}}]}]},
         ("documents can only be read as text (source.type text or content); PDF files cannot",
          "messages[0].content[0].source.type")),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]},
         ("messages[0].content[0].tool_use_id must be a string", "messages[0].content[0].tool_use_id")),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "x", "input": "{}"}]}]},
         ("messages[0].content[0].input must be an object", "messages[0].content[0].input")),
        ({"system": [IMAGE]}, ('blocks "image" are not supported at system[0]; text are', "system[0].type")),
        ({"system": 5}, ("system must be a string or an array of blocks", "system")),
        ({"temperature": 1.5}, ("temperature must be from 0 to 1", "temperature")),
        ({"top_p": -1}, ("top_p must be from 0 to 1", "top_p")),
        ({"top_k": -1}, ("top_k must be 0 or more", "top_k")),
        ({"thinking": {"type": "on"}},
         ("thinking.type must be disabled, enabled, adaptive, between_tools", "thinking.type")),
        ({"thinking": {"type": "enabled"}},
         ("thinking.budget_tokens is required and must be positive", "thinking.budget_tokens")),
        ({"output_config": {"effort": "x"}},
         ("output_config.effort must be one of none, minimal, low, medium, high, xhigh, ultra, max", "output_config.effort")),
        ({"output_config": {"format": {"type": "text"}}},
         ("output_config.format.type must be json_schema", "output_config.format.type")),
        ({"output_format": {"type": "json_schema"}}, ("output_format.schema is required", "output_format.schema")),
        ({"tools": [WEB]}, ("web_search_20250305 is run by Anthropic's servers and is not available here", "tools")),
        ({"tools": [TOOL, {"type": "bash_20250124", "name": "bash"}]},
         ("tools[1].type must be custom: only tools with an input_schema can be offered to models here", "tools[1].type")),
        ({"tools": ["x"]}, ("tools[0] must be an object", "tools[0]")),
        ({"tools": [{"name": "x"}]}, ("tools[0].input_schema must be an object", "tools[0].input_schema")),
        ({"tools": [TOOL], "tool_choice": {"type": "required"}},
         ("tool_choice.type must be auto, any, tool or none", "tool_choice.type")),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, ("tool_choice.name is required", "tool_choice.name")),
    ],
)  # fmt: skip
def test_refusal_names_the_field(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(**fields) == expected
