"""What a request to `/v1/responses` becomes, and what of it is refused."""

import json
from typing import Any

import pytest

from inference.api.body import parse_body
from inference.api.responses.items import encode_thinking
from inference.api.responses.schemas import ResponsesBody
from inference.api.responses.tools import ClientTool, read_response_tools
from inference.api.responses.translation import chat_body_of
from inference.api.schemas import ChatBody, MessageBody
from inference.errors import InvalidRequest

DATA_URL = "data:image/png;base64,AAAA"
TOOL: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}
NESTED = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": True}}
NAMED = {"type": "function", "function": {"name": "look"}}


def read(**fields: Any) -> ChatBody:
    body = parse_body(json.dumps({"model": "m", "input": "hi", **fields}).encode(), ResponsesBody)
    return chat_body_of(body, read_response_tools(body.tools, body.tool_choice))


def said(*items: Any) -> list[MessageBody]:
    return read(input=list(items)).messages


def refusal(**fields: Any) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as refused:
        read(**fields)
    return str(refused.value), refused.value.param


def test_text_is_a_message_after_the_instructions() -> None:
    assert read(instructions="Be kind.").messages == [
        MessageBody(role="system", content="Be kind."),
        MessageBody(role="user", content="hi"),
    ]


def test_items_of_one_answer_become_one_message() -> None:
    assert said(
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Rain?"}, {"type": "input_image", "image_url": DATA_URL}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "It may."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"city": "Rome"}'},
        {"type": "function_call", "call_id": "call_2", "name": "look", "arguments": ""},
        {"type": "function_call_output", "call_id": "call_1", "output": "dry"},
        {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "wet"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Dry."},
        {"role": "assistant", "content": "Or wet."},
    ) == [
        MessageBody(role="system", content="Be kind."),
        MessageBody(role="user", content="Rain?", images=[DATA_URL]),
        MessageBody(
            role="assistant",
            thinking="It may.",
            content="I look.",
            tool_calls=[
                {"id": "call_1", "function": {"name": "look", "arguments": {"city": "Rome"}}},
                {"id": "call_2", "function": {"name": "look", "arguments": {}}},
            ],
        ),
        MessageBody(role="tool", content="dry", tool_call_id="call_1"),
        MessageBody(role="tool", content="wet", tool_call_id="call_2"),
        MessageBody(role="assistant", thinking="Hm.", content="Dry."),
        MessageBody(role="assistant", content="Or wet."),
    ]


def test_what_a_call_came_to_follows_the_message_it_is_in() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    assert said(
        {"role": "user", "content": "Rain?"},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "It may."}]},
        call,
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Or not."}]},
        {"role": "assistant", "content": "I look."},
        {**call, "call_id": "call_2"},
        {"type": "function_call_output", "call_id": "call_1", "output": "dry"},
    ) == [
        MessageBody(role="user", content="Rain?"),
        MessageBody(
            role="assistant",
            thinking="It may.\nOr not.",
            content="I look.",
            tool_calls=[{"id": name, "function": {"name": "look", "arguments": {}}} for name in ("call_1", "call_2")],
        ),
        MessageBody(role="tool", content="dry", tool_call_id="call_1"),
    ]


def test_what_openais_servers_did_is_passed_over() -> None:
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "rain"}}

    assert said({"role": "user", "content": "Rain?"}, searched, {"role": "assistant", "content": "Dry."}) == [
        MessageBody(role="user", content="Rain?"),
        MessageBody(role="assistant", content="Dry."),
    ]


def test_tools_of_a_namespace_are_functions_with_both_names() -> None:
    """As Codex offers those that start other agents, and those of MCP servers."""
    spawn = {"type": "function", "name": "spawn", "description": "Start one.", "parameters": {"type": "object"}, "strict": False}
    tools = [
        TOOL,
        {"type": "namespace", "name": "agents", "description": "Others.", "tools": [spawn, {"type": "custom", "name": "tell"}]},
        {"type": "namespace", "name": "mcp__files__", "tools": [{"type": "function", "name": "read"}]},
        {"type": "function", "name": "agents__spawn"},
    ]
    read_tools = read_response_tools(tools, None)
    body = read(
        tools=tools,
        tool_choice={"type": "function", "name": "spawn", "namespace": "agents"},
        input=[
            {"role": "user", "content": "Go."},
            {"type": "function_call", "call_id": "1", "name": "spawn", "namespace": "agents", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "ok"},
            {"type": "function_call", "call_id": "2", "name": "gone", "namespace": "old", "arguments": "{}"},
        ],
    )

    names = [tool["function"]["name"] for tool in body.tools]
    assert names == ["look", "agents__spawn", "agents__tell", "mcp__files__read", "agents__spawn_"]
    assert body.tools[1]["function"] == {**{key: spawn[key] for key in ("description", "parameters", "strict")}, "name": names[1]}
    assert body.tool_choice == {"type": "function", "function": {"name": "agents__spawn"}}
    calls = [call["function"]["name"] for message in body.messages for call in message.tool_calls]
    assert calls == ["agents__spawn", "old__gone"]
    assert [read_tools.client_tool(name) for name in (*names, "invented")] == [
        ClientTool("look"),
        ClientTool("spawn", "agents"),
        ClientTool("tell", "agents", is_custom=True),
        ClientTool("read", "mcp__files__"),
        ClientTool("agents__spawn"),
        ClientTool("invented"),
    ]


def test_custom_tools_take_a_text() -> None:
    patch = {
        "type": "custom", "name": "apply_patch", "description": "Changes files.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: LINE+"},
    }  # fmt: skip
    body = read(
        tools=[patch, {"type": "custom", "name": "run", "format": {"type": "text"}}],
        tool_choice={"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "run"}]},
        input=[
            {"role": "user", "content": "Go."},
            {"type": "custom_tool_call", "call_id": "1", "name": "apply_patch", "input": "*** Begin Patch"},
            {"type": "custom_tool_call_output", "call_id": "1", "output": "done"},
        ],
    )

    (run,) = body.tools
    assert run["function"]["name"] == "run" and body.tool_choice == "required"
    assert run["function"]["parameters"]["required"] == ["input"]
    (shown,) = read_response_tools([patch], "auto").offered.tools
    assert shown["function"]["description"] == "Changes files.\n\ninput has to match this lark definition:\nstart: LINE+"
    assert body.messages[1].tool_calls == [
        {"id": "1", "function": {"name": "apply_patch", "arguments": {"input": "*** Begin Patch"}}}
    ]
    assert body.messages[2] == MessageBody(role="tool", content="done", tool_call_id="1")


@pytest.mark.parametrize(
    ("encrypted", "thinking"),
    [(encode_thinking("It may."), "It may."), ("gAAAA-of-another-server", ""), ("hearth:%%%", ""), (5, ""), ("hearth:/w==", "")],
)
def test_thinking_comes_back_from_what_was_made_here(encrypted: Any, thinking: str) -> None:
    (message,) = said(
        {"type": "reasoning", "summary": [], "encrypted_content": encrypted}, {"role": "assistant", "content": "Dry."}
    )

    assert message == MessageBody(role="assistant", thinking=thinking, content="Dry.")


def test_wishes_are_those_of_the_protocol_over_ollamas() -> None:
    body = read(
        max_output_tokens=5, temperature=0.5, top_p=0.9, options={"num_predict": 9, "seed": 1}, truncation="auto",
        include=["message.output_text.logprobs"], top_logprobs=2, reasoning={"effort": "xhigh"},
    )  # fmt: skip

    assert body.options == {"num_predict": 5, "seed": 1, "temperature": 0.5, "top_p": 0.9}
    assert (body.logprobs, body.top_logprobs, body.truncate, body.think) == (True, 2, True, "max")
    plain = read()
    assert (plain.logprobs, plain.truncate, plain.think, plain.format, plain.options) == (False, False, None, None, {})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("required", "required"),
        ({"type": "function", "name": "look"}, NAMED),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}, "required"),
    ],
)
def test_tools_lie_one_level_deeper_in_a_chat(choice: Any, expected: Any) -> None:
    body = read(tools=[TOOL, {"type": "web_search"}], tool_choice=choice)

    assert (body.tools, body.tool_choice) == ([NESTED], expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "name": "x", "schema": {"type": "object"}}, {"type": "object"}),
    ],
)
def test_format_of_the_text(asked: dict[str, Any], expected: Any) -> None:
    assert read(text={"format": asked, "verbosity": "low"}).format == expected


KINDS = "must be function, custom or namespace: no other tools can be called here"
KEPT = "is not supported: nothing is kept here, send the whole conversation as input"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input": None}, ("input is required", "input")),
        ({"input": []}, ("input is required", "input")),
        ({"input": 5}, ("input must be a string or an array of items", "input")),
        ({"input": ["x"]}, ("input[0] must be an object", "input[0]")),
        ({"input": [{"id": "msg_1", "type": "item_reference"}]},
         ("input[0] refers to an item of an earlier answer: nothing is kept here, send it whole", "input[0]")),
        ({"input": [{"type": "compaction"}]},
         ('items "compaction" are not supported; message, function_call, function_call_output, custom_tool_call, '
          "custom_tool_call_output, reasoning are", "input[0].type")),
        ({"input": [{"type": "reasoning", "summary": []}, {"type": "web_search_call"}]}, ("input has no message", "input")),
        ({"input": [{"type": "custom_tool_call", "call_id": "1", "name": "x"}]},
         ("input[0].input must be a string", "input[0].input")),
        ({"input": [{"role": "tool", "content": "x"}]},
         ("input[0].role must be one of developer, system, user, assistant", "input[0].role")),
        ({"input": [{"role": "user"}]}, ("input[0].content must be a string or an array of parts", "input[0].content")),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
         ('parts "input_file" are not supported; input_text and input_image are', "input[0].content[0].type")),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
         ("input[0].content[0].text must be a string", "input[0].content[0].text")),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
         ("input[0].content[0].image_url is required: no files are kept here", "input[0].content[0].image_url")),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/"}]}]},
         ("image URLs are not currently supported, please use base64 encoded data instead", "input[0].content[0].image_url")),
        ({"input": [{"type": "function_call", "name": "x", "arguments": "{}"}]},
         ("input[0].call_id must be a string", "input[0].call_id")),
        ({"input": [{"type": "function_call", "call_id": "1", "name": "x", "arguments": "{"}]},
         ("invalid tool call arguments", "input[0].arguments")),
        ({"input": [{"type": "function_call_output", "call_id": "1"}]},
         ("input[0].output must be a string or an array of parts", "input[0].output")),
        ({"previous_response_id": "resp_1"}, (f"previous_response_id {KEPT}", "previous_response_id")),
        ({"conversation": "conv_1"}, (f"conversation {KEPT}", "conversation")),
        ({"prompt": {"id": "pmpt_1"}}, (f"prompt {KEPT}", "prompt")),
        ({"background": True},
         ("background is not supported: nothing is kept here that could be fetched later", "background")),
        ({"truncation": "x"}, ("truncation must be one of auto, disabled", "truncation")),
        ({"max_output_tokens": 0}, ("max_output_tokens must be positive", "max_output_tokens")),
        ({"metadata": {str(n): "x" for n in range(17)}}, ("metadata must have at most 16 entries", "metadata")),
        ({"reasoning": {"effort": "x"}},
         ("reasoning.effort must be one of none, minimal, low, medium, high, xhigh, ultra, max", "reasoning.effort")),
        ({"text": {"format": {"type": "x"}}},
         ("text.format.type must be one of text, json_object, json_schema", "text.format.type")),
        ({"text": {"format": {"type": "json_schema"}}}, ("text.format.schema is required", "text.format.schema")),
        ({"tools": [{"type": "web_search"}]},
         ("web_search is run by OpenAI's servers and is not available here", "tools")),
        ({"tools": [TOOL, {"type": "local_shell"}]}, (f"tools[1].type {KINDS}", "tools[1].type")),
        ({"tools": ["x"]}, (f"tools[0].type {KINDS}", "tools[0].type")),
        ({"tools": [{"type": "namespace", "tools": []}]}, ("tools[0].name must be a string", "tools[0].name")),
        ({"tools": [{"type": "namespace", "name": "x", "tools": {}}]}, ("tools[0].tools must be an array", "tools[0].tools")),
        ({"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "namespace"}]}]},
         ("tools[0].tools[0].type must be function or custom", "tools[0].tools[0].type")),
        ({"tools": [{"type": "function"}]}, ("tools[0].name must be a string", "tools[0].name")),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": 5}},
         ('tool_choice.allowed_tools must have a "mode", auto or required, and "tools"', "tool_choice")),
    ],
)  # fmt: skip
def test_refusal_names_the_field(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(**fields) == expected
