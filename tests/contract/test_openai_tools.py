"""Tools and thinking through `/v1/chat/completions`. What the model would not write by itself, a grammar makes it write."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.contract.service import MODEL, Service
from tests.contract.test_templates import CALL, TEMPLATE

RAIN: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Rain?"}]


class get_weather(BaseModel):  # noqa: N801 - the class's name is the tool's.
    city: str


@pytest.fixture(scope="module")
def model(service: Service) -> Iterator[str]:
    created = service.post("/api/create", {"model": "v1-caller", "from": MODEL, "template": TEMPLATE, "stream": False})
    assert created.json() == {"status": "success"}
    yield "v1-caller"
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "v1-caller"}).status_code == 200


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def forced(text: str, **extra: Any) -> dict[str, Any]:
    return {"grammar": f"root ::= {json.dumps(text)}", **extra}


def test_call_is_told_whole_and_its_result_taken(client: openai.OpenAI, service: Service, model: str) -> None:
    tools: Any = [openai.pydantic_function_tool(get_weather)]
    asked = forced(CALL, think=False)
    choice = client.chat.completions.parse(model=model, messages=RAIN, tools=tools, extra_body=asked).choices[0]

    (call,) = choice.message.tool_calls or []
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == ("function", "get_weather", {"city": "Rome"})
    assert call.function.parsed_arguments == get_weather(city="Rome")
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)

    said: Any = choice.message.to_dict()
    result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": "dry"}
    usage = client.chat.completions.create(
        model=model, messages=[*RAIN, said, result], tools=tools, max_tokens=1, extra_body={"think": False}
    ).usage
    called = {"role": "assistant", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}]}
    messages = [*RAIN, called, {"role": "tool", "tool_name": "get_weather", "content": "dry"}]
    body = {"model": model, "messages": messages, "tools": tools, "think": False, "stream": False, "options": {"num_predict": 1}}
    assert usage is not None
    assert usage.prompt_tokens == service.post("/api/chat", body).json()["prompt_eval_count"]


def test_streamed_call_comes_whole_in_one_chunk(client: openai.OpenAI, model: str) -> None:
    tools: Any = [openai.pydantic_function_tool(get_weather)]
    with client.chat.completions.stream(model=model, messages=RAIN, tools=tools, extra_body=forced(CALL, think=False)) as stream:
        events = list(stream)
        (final,) = stream.get_final_completion().choices[0].message.tool_calls or []

    chunks = [event.chunk for event in events if event.type == "chunk"]
    (delta,) = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert (delta.index, delta.type, delta.id) == (0, "function", final.id)
    assert delta.function is not None and json.loads(delta.function.arguments or "") == {"city": "Rome"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert [event.type for event in events].count("tool_calls.function.arguments.done") == 1
    assert final.function.parsed_arguments == get_weather(city="Rome")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_call_that_is_required_comes_and_no_other(client: openai.OpenAI, model: str, choice: Any) -> None:
    tools: Any = [openai.pydantic_function_tool(get_weather)]
    answer = client.chat.completions.create(
        model=model, messages=RAIN, tools=tools, tool_choice=choice, parallel_tool_calls=False, temperature=0, max_tokens=200,
        extra_body={"think": False},
    )  # fmt: skip

    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) == {"city"}
    assert answer.choices[0].finish_reason == "tool_calls"


def test_thinking_is_told_from_content_under_both_names(client: openai.OpenAI, model: str) -> None:
    extra = forced("<think>\nIt may.\n</think>\n\nPerhaps.")
    whole = client.chat.completions.create(model=model, messages=RAIN, extra_body=extra).choices[0].message
    chunks = list(client.chat.completions.create(model=model, messages=RAIN, stream=True, extra_body=extra))

    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert whole.content == "".join(delta.content or "" for delta in deltas) == "Perhaps."
    for field in ("reasoning", "reasoning_content"):
        assert (whole.model_extra or {})[field] == "It may."
        assert "".join((delta.model_extra or {}).get(field, "") for delta in deltas) == "It may."


@pytest.mark.parametrize(
    "fields",
    [{"reasoning_effort": "none"}, {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}],
)
def test_thinking_can_be_declined_in_every_servers_words(client: openai.OpenAI, model: str, fields: dict[str, Any]) -> None:
    extra = {**forced("<think>a</think>b"), **fields.get("extra_body", {})}
    answer = client.chat.completions.create(model=model, messages=RAIN, **{**fields, "extra_body": extra})

    assert answer.choices[0].message.content == "<think>a</think>b"


def test_effort_reaches_the_template(client: openai.OpenAI, model: str) -> None:
    counts = []
    for effort in ("low", "high"):
        asked: Any = {"model": model, "messages": RAIN, "max_tokens": 1, "reasoning_effort": effort}
        usage = client.chat.completions.create(**asked).usage
        assert usage is not None
        counts.append(usage.prompt_tokens)

    # The template opens the thinking part itself where much is asked for.
    assert counts[1] > counts[0]
