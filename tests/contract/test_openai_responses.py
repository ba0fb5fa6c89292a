"""`/v1/responses`, with the real `openai` client. What the model would not write by itself, a grammar makes it write."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from tests.contract.service import MODEL, Service
from tests.contract.test_templates import CALL, TEMPLATE
from tests.inference.api.test_content_encoding import zstd_frame

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
#: An answer does not end before its limit, whatever the model would say.
IGNORE_EOS = {"options": {"ignore_eos": True}}
THOUGHT = "<think>\nIt may.\n</think>\n\nPerhaps."


@pytest.fixture(scope="module")
def model(service: Service) -> Iterator[str]:
    created = service.post("/api/create", {"model": "responder", "from": MODEL, "template": TEMPLATE, "stream": False})
    assert created.json() == {"status": "success"}
    yield "responder"
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "responder"}).status_code == 200


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def forced(text: str) -> dict[str, Any]:
    return {"options": {"grammar": f"root ::= {json.dumps(text)}"}}


def test_response_whole_and_streamed_are_the_same(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": MODEL, "input": "Say hello.", "instructions": "Be kind.", "temperature": 0, "max_output_tokens": 20,
        "metadata": {"a": "b"}, "store": True,
    }  # fmt: skip
    whole = client.responses.create(**asked)
    events: list[Any] = list(client.responses.create(**asked, stream=True))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:4]] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    last = events[-1].response
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert whole.output_text == last.output_text == deltas != ""
    assert events[-1].type == f"response.{whole.status}" == f"response.{last.status}"
    assert whole.usage is not None and last.usage is not None
    assert whole.usage.output_tokens == last.usage.output_tokens > 0
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    assert (whole.metadata, whole.model, whole.instructions, whole.object) == ({"a": "b"}, MODEL, "Be kind.", "response")


def test_answer_that_reaches_its_length_is_incomplete(client: openai.OpenAI) -> None:
    response = client.responses.create(model=MODEL, input="Tell a story.", max_output_tokens=3, extra_body=IGNORE_EOS)

    assert response.status == "incomplete" and response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None and response.usage.output_tokens == 3


@pytest.mark.parametrize("is_streaming", [False, True])
def test_function_is_called_and_its_result_taken(client: openai.OpenAI, service: Service, model: str, is_streaming: bool) -> None:
    asked: dict[str, Any] = {"model": model, "input": "Rain?", "tools": [TOOL], "reasoning": {"effort": "none"}}
    if is_streaming:
        with client.responses.stream(**asked, extra_body=forced(f"I look.{CALL}")) as stream:
            kinds = [event.type for event in stream]
            answer: Any = stream.get_final_response()
        assert kinds.count("response.function_call_arguments.done") == 1
    else:
        answer = client.responses.create(**asked, extra_body=forced(f"I look.{CALL}"))

    message, call = answer.output
    assert (answer.output_text, message.type, call.type, call.name) == ("I look.", "message", "function_call", "get_weather")
    assert (json.loads(call.arguments), answer.status) == ({"city": "Rome"}, "completed")
    items: Any = [
        {"role": "user", "content": "Rain?"},
        *[item.to_dict() for item in answer.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": "dry"},
    ]
    after = client.responses.create(**{**asked, "input": items}, extra_body=forced("Dry."))
    function = {"name": "get_weather", "arguments": {"city": "Rome"}}
    messages = [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [{"function": function}]},
        {"role": "tool", "tool_name": "get_weather", "content": "dry"},
    ]
    tool = {"type": "function", "function": {name: TOOL[name] for name in ("name", "parameters", "strict")}}
    counted = service.post("/api/tokenize", {"model": model, "messages": messages, "tools": [tool], "think": False}).json()
    assert after.output_text == "Dry."
    assert after.usage is not None and after.usage.input_tokens == counted["count"]
    assert client.responses.input_tokens.count(model=model, input=items, tools=[TOOL]).input_tokens == counted["count"]


#: What Codex offers: functions, those of other agents in a namespace, a tool that takes a text, and a search of OpenAI's.
CODEX_TOOLS: Any = [
    TOOL,
    {"type": "namespace", "name": "agents", "description": "Other agents.", "tools": [{**TOOL, "name": "spawn"}]},
    {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/s"}},
    {"type": "web_search", "external_web_access": False},
]


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("agents__spawn", {"city": "Rome"}, ("function_call", "agents", "spawn", '{"city":"Rome"}')),
        ("apply_patch", {"input": "*** Begin\n"}, ("custom_tool_call", None, "apply_patch", "*** Begin\n")),
    ],
)
def test_tools_of_codex_are_called_and_their_results_taken(
    client: openai.OpenAI, model: str, is_streaming: bool, name: str, arguments: dict[str, str], expected: tuple[str, ...]
) -> None:
    asked: dict[str, Any] = {
        "model": model, "input": "Go.", "tools": CODEX_TOOLS, "tool_choice": "auto", "parallel_tool_calls": False, "store": False,
        "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "none"}, "prompt_cache_key": "x",
    }  # fmt: skip
    written = f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"
    if is_streaming:
        answer: Any = list(client.responses.create(**asked, stream=True, extra_body=forced(written)))[-1].response
    else:
        answer = client.responses.create(**asked, extra_body=forced(written))

    (call,) = answer.output
    content = call.input if call.type == "custom_tool_call" else call.arguments
    assert (call.type, call.namespace, call.name, content) == expected
    items: Any = [{"role": "user", "content": "Go."}, call.to_dict()]
    items.append({"type": f"{call.type}_output", "call_id": call.call_id, "output": "ok"})
    assert client.responses.create(**{**asked, "input": items}, extra_body=forced("Dry.")).output_text == "Dry."


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("summary", [None, "auto"])
def test_thinking_is_an_item_of_its_own(
    client: openai.OpenAI, model: str, is_streaming: bool, summary: Literal["auto"] | None
) -> None:
    asked: dict[str, Any] = {
        "model": model, "input": "Rain?", "reasoning": {"effort": "low", "summary": summary}, "extra_body": forced(THOUGHT),
        "include": ["reasoning.encrypted_content"],
    }  # fmt: skip
    if is_streaming:
        events: list[Any] = list(client.responses.create(**asked, stream=True))
        kind = "response.reasoning_summary_text.delta" if summary else "response.reasoning_text.delta"
        assert "".join(event.delta for event in events if event.type == kind) == "It may."
        answer = events[-1].response
    else:
        answer = client.responses.create(**asked)

    reasoning, _message = answer.output
    assert reasoning.type == "reasoning" and answer.output_text == "Perhaps."
    parts: Any = reasoning.summary if summary else reasoning.content
    assert [part.text for part in parts] == ["It may."]
    assert answer.usage is not None and 0 < answer.usage.output_tokens_details.reasoning_tokens < answer.usage.output_tokens
    reduced = {"type": "reasoning", "summary": [], "encrypted_content": reasoning.encrypted_content}
    again: Any = [{"role": "user", "content": "Rain?"}, reduced, {"role": "assistant", "content": "Perhaps."}]
    full: Any = [again[0], reasoning.to_dict(), again[2], *again[:1]]
    count = client.responses.input_tokens.count
    assert count(model=model, input=full).input_tokens == count(model=model, input=[*again, *again[:1]]).input_tokens
    assert count(model=model, input=full).input_tokens > count(model=model, input=[full[0], *full[2:]]).input_tokens


class Mood(BaseModel):
    mood: Literal["glad", "sad"]


def test_parse_gives_an_object_of_the_asked_class(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(model=MODEL, input="Say hello.", text_format=Mood)

    assert isinstance(parsed.output_parsed, Mood)


def test_logprobs_are_those_of_the_text(client: openai.OpenAI) -> None:
    # Letters only: a character of several tokens is in no single one of them.
    response = client.responses.create(
        model=MODEL,
        input="Say hello.",
        max_output_tokens=3,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        text={"format": {"type": "json_schema", "name": "mood", "schema": Mood.model_json_schema(), "strict": True}},
    )

    (message,) = response.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text" and part.logprobs is not None
    assert "".join(entry.token for entry in part.logprobs) == part.text
    assert all(len(entry.top_logprobs) == 2 for entry in part.logprobs)


async def test_async_client_has_the_same(async_client: openai.AsyncOpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "input": "Say hello.", "temperature": 0, "max_output_tokens": 5}
    whole = await async_client.responses.create(**asked)
    async with async_client.responses.stream(**asked) as stream:
        kinds = [event.type async for event in stream]
    parsed = await async_client.responses.parse(model=MODEL, input="Say hello.", text_format=Mood)

    assert kinds[-1] == "response.incomplete" and whole.status == "incomplete"
    assert isinstance(parsed.output_parsed, Mood)


@pytest.mark.parametrize(
    ("fields", "status", "message", "param"),
    [
        ({"model": ""}, 400, "model is required", "model"),
        ({"model": "x"}, 404, "model 'x' not found", None),
        ({"input": None}, 400, "input is required", "input"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id is not supported", "previous_response_id"),
        ({"input": "word " * 5000}, 400, "The prompt has 50", None),
        ({"metadata": {"a": 1}}, 400, "metadata", None),
        ({"top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20", "top_logprobs"),
        ({"tools": [TOOL]}, 400, f"registry.ollama.ai/library/{MODEL} does not support tools", "tools"),
    ],
)
def test_errors_have_openais_shape(
    service: Service, fields: dict[str, Any], status: int, message: str, param: str | None
) -> None:
    response = service.post("/v1/responses", {"model": MODEL, "input": "hi", "stream": True, **fields})

    error = response.json()["error"]
    assert (response.status_code, set(error)) == (status, {"message", "type", "param", "code"})
    assert error["message"].startswith(message)
    assert param is None or error["param"] == param


def test_compressed_bodies_are_read_or_refused(service: Service) -> None:
    body = json.dumps({"model": MODEL, "input": "hi", "max_output_tokens": 1}).encode()
    with service.client() as client:
        read = client.post("/v1/responses", content=gzip.compress(body), headers={"content-encoding": "gzip"})
        folded = client.post("/v1/responses", content=zstd_frame((0, len(body), body)), headers={"content-encoding": "zstd"})
        refused = client.post("/v1/responses", content=body, headers={"content-encoding": "br"})

    assert read.json()["usage"]["output_tokens"] == folded.json()["usage"]["output_tokens"] == 1
    assert (refused.status_code, refused.json()["error"]["code"]) == (415, "unsupported_encoding")
