"""`/v1/messages`, with the real `anthropic` client. What the model would not write by itself, a grammar makes it write."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import anthropic
import pytest
from anthropic.types import MessageParam
from pydantic import BaseModel

from tests.contract.service import ENDLESS, MODEL, Service
from tests.contract.test_templates import CALL, TEMPLATE

HELLO: list[MessageParam] = [{"role": "user", "content": "Say hello."}]
COUNT: Any = ENDLESS
RAIN: list[MessageParam] = [{"role": "user", "content": "Rain?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {"name": "get_weather", "input_schema": SCHEMA}
THOUGHT = "<think>\nIt may.\n</think>\n\nPerhaps."


@pytest.fixture(scope="module")
def model(service: Service) -> Iterator[str]:
    created = service.post("/api/create", {"model": "claude-caller", "from": MODEL, "template": TEMPLATE, "stream": False})
    assert created.json() == {"status": "success"}
    yield "claude-caller"
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "claude-caller"}).status_code == 200


@pytest.fixture
def client(service: Service) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=service.url, api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(service: Service) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=service.url, auth_token="anything", max_retries=0) as client:
        yield client


def greedy(**options: Any) -> dict[str, Any]:
    return {"temperature": 0, "options": options}


def forced(text: str) -> dict[str, Any]:
    return greedy(grammar=f"root ::= {json.dumps(text)}")


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_message_whole_and_streamed_are_the_same(client: anthropic.Anthropic) -> None:
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 8, "messages": HELLO, "system": "Be kind.", "extra_body": greedy()}
    whole = client.messages.create(**asked, metadata={"user_id": "ann"})
    events = list(client.messages.create(**asked, stream=True))
    with client.messages.stream(**asked) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()

    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert text_of(whole) == text_of(final) == "".join(pieces) != ""
    assert (whole.stop_reason, final.stop_reason, whole.usage.output_tokens) == ("max_tokens", "max_tokens", 8)
    assert whole.usage == final.usage
    assert (whole.model, whole.role, whole.type) == (MODEL, "assistant", "message")
    assert whole.id.startswith("msg_") and (whole._request_id or "").startswith("req_")


def test_stream_begins_with_the_true_number_of_input_tokens(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens
    events: list[Any] = list(client.messages.create(model=MODEL, max_tokens=1, messages=HELLO, stream=True))

    assert events[0].message.usage.input_tokens == events[-2].usage.input_tokens == counted > 10


def test_cached_tokens_are_told_where_they_were_asked_for(client: anthropic.Anthropic) -> None:
    text = "Once upon a time there was a cache. " * 10
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}]
    counted = client.messages.count_tokens(model=MODEL, messages=messages).input_tokens
    usages = [client.messages.create(model=MODEL, max_tokens=1, messages=messages).usage for _ in range(2)]

    assert [usage.input_tokens + (usage.cache_read_input_tokens or 0) for usage in usages] == [counted] * 2
    assert (usages[1].cache_read_input_tokens or 0) > counted / 2


def test_stop_sequence_is_named(client: anthropic.Anthropic) -> None:
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 60, "messages": COUNT, "extra_body": greedy()}
    whole = client.messages.create(**asked, stop_sequences=["never", " 12"])
    with client.messages.stream(**asked, stop_sequences=["never", " 12"]) as stream:
        final = stream.get_final_message()

    for message in (whole, final):
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", " 12")
        assert "12" not in text_of(message)


def test_end_of_turn(client: anthropic.Anthropic) -> None:
    ended = client.messages.create(model=MODEL, max_tokens=50, messages=HELLO, extra_body=forced("Hi."))

    assert (text_of(ended), ended.stop_reason, ended.stop_sequence) == ("Hi.", "end_turn", None)


def test_answer_goes_on_from_what_was_put_into_its_mouth(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(model=MODEL, max_tokens=3, messages=COUNT, extra_body=greedy())

    assert text_of(answer).startswith(" 9,")


def test_tool_is_called_and_its_result_taken(client: anthropic.Anthropic, service: Service, model: str) -> None:
    answer = client.messages.create(model=model, max_tokens=50, messages=RAIN, tools=[TOOL], extra_body=forced(f"I look.{CALL}"))
    text, call = answer.content
    assert text.type == "text" and call.type == "tool_use"
    assert (text.text, call.name, call.input, answer.stop_reason) == ("I look.", "get_weather", {"city": "Rome"}, "tool_use")

    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "dry"}]}
    messages: Any = [*RAIN, answer.to_param(), {"role": "user", "content": [result]}]
    after = client.messages.create(model=model, max_tokens=50, messages=messages, tools=[TOOL], extra_body=forced("Dry."))
    assert (text_of(after), after.stop_reason) == ("Dry.", "end_turn")
    function: dict[str, Any] = {"name": call.name, "arguments": call.input}
    called = {"role": "assistant", "content": "I look.", "tool_calls": [{"function": function}]}
    tool = {"type": "function", "function": {"name": call.name, "parameters": SCHEMA}}
    in_ollamas_shape = [*RAIN, called, {"role": "tool", "tool_name": call.name, "content": "dry"}]
    counted = service.post("/api/tokenize", {"model": model, "messages": in_ollamas_shape, "tools": [tool], "think": False})
    assert after.usage.input_tokens == counted.json()["count"]


def test_streamed_call_is_a_block_of_its_own(client: anthropic.Anthropic, model: str) -> None:
    asked: dict[str, Any] = {"model": model, "max_tokens": 50, "messages": RAIN, "tools": [TOOL]}
    with client.messages.stream(**asked, extra_body=forced(CALL)) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()

    (call,) = final.content
    assert call.type == "tool_use"
    assert (call.input, final.stop_reason) == ({"city": "Rome"}, "tool_use")
    assert kinds.count("input_json") == 1


def test_helper_runs_the_called_tool(client: anthropic.Anthropic, model: str) -> None:
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Tells the weather.

        Args:
            city: Where.
        """
        asked.append(city)
        return "dry"

    asked: list[str] = []
    runner = client.beta.messages.tool_runner(
        model=model, max_tokens=60, messages=RAIN, tools=[get_weather], max_iterations=2, extra_body=forced(CALL)
    )

    # Only the first request has the grammar.
    assert next(iter(runner)).stop_reason == "tool_use"
    runner.generate_tool_call_response()
    assert asked == ["Rome"]


@pytest.mark.parametrize("is_streaming", [False, True])
def test_thinking_is_a_block_that_can_be_sent_back(client: anthropic.Anthropic, model: str, is_streaming: bool) -> None:
    asked: dict[str, Any] = {"model": model, "max_tokens": 60, "thinking": {"type": "enabled", "budget_tokens": 50}}
    if is_streaming:
        with client.messages.stream(**asked, messages=RAIN, extra_body=forced(THOUGHT)) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(**asked, messages=RAIN, extra_body=forced(THOUGHT))

    thinking, text = answer.content
    assert thinking.type == "thinking" and text.type == "text"
    assert (thinking.thinking, text.text, bool(thinking.signature)) == ("It may.", "Perhaps.", True)
    messages: list[MessageParam] = [*RAIN, answer.to_param(), *RAIN]
    with_it = client.messages.count_tokens(model=model, messages=messages).input_tokens
    without: Any = [*RAIN, {"role": "assistant", "content": text.text}, *RAIN]
    assert with_it > client.messages.count_tokens(model=model, messages=without).input_tokens


def test_thinking_that_was_not_asked_for_does_not_take_place(client: anthropic.Anthropic, model: str) -> None:
    answer = client.messages.create(model=model, max_tokens=20, messages=RAIN, extra_body=forced("Perhaps."))

    assert [block.type for block in answer.content] == ["text"]
    asked: Any = {"type": "adaptive"}
    thinking = client.messages.create(model=MODEL, max_tokens=1, messages=RAIN, thinking=asked)
    # None, where the model begins with an end or a part of a character.
    assert all(block.type == "text" for block in thinking.content)


class Mood(BaseModel):
    mood: Literal["glad", "sad"]


def test_parse_gives_an_object_of_the_asked_class(client: anthropic.Anthropic) -> None:
    parsed = client.messages.parse(model=MODEL, max_tokens=50, messages=HELLO, output_format=Mood)
    schema: Any = {"type": "json_schema", "schema": {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}}
    made = client.messages.create(model=MODEL, max_tokens=50, messages=HELLO, output_config={"format": schema})

    assert isinstance(parsed.parsed_output, Mood)
    assert json.loads(text_of(made)) == {"a": 1}


async def test_async_client_has_the_same(async_client: anthropic.AsyncAnthropic) -> None:
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 5, "messages": HELLO, "extra_body": greedy()}
    whole = await async_client.messages.create(**asked)
    async with async_client.messages.stream(**asked) as stream:
        final = await stream.get_final_message()
    events = [event.type async for event in await async_client.messages.create(**asked, stream=True)]
    parsed = await async_client.messages.parse(model=MODEL, max_tokens=50, messages=HELLO, output_format=Mood)
    counted = await async_client.messages.count_tokens(model=MODEL, messages=HELLO)

    assert text_of(whole) == text_of(final) != ""
    assert (events[0], events[-1]) == ("message_start", "message_stop")
    assert isinstance(parsed.parsed_output, Mood)
    assert counted.input_tokens == whole.usage.input_tokens


def test_count_tokens_counts_tools_and_system(client: anthropic.Anthropic, model: str) -> None:
    def count(**fields: Any) -> int:
        return client.messages.count_tokens(model=model, messages=RAIN, **fields).input_tokens

    assert count() < count(tools=[TOOL])
    assert client.messages.count_tokens(model=MODEL, messages=RAIN, system="Be kind.").input_tokens < count(tools=[TOOL]) + 100
    long: Any = [{"role": "user", "content": "word " * 5000}]
    assert client.messages.count_tokens(model=MODEL, messages=long).input_tokens > 5000


@pytest.mark.parametrize(
    ("fields", "status", "kind", "message"),
    [
        ({"model": ""}, 400, "invalid_request_error", "model is required"),
        ({"model": "x"}, 404, "not_found_error", "model 'x' not found"),
        ({"max_tokens": 0}, 400, "invalid_request_error", "max_tokens is required and must be positive"),
        ({"messages": []}, 400, "invalid_request_error", "messages is required"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, 400, "invalid_request_error",
         "prompt is too long: The prompt has 50"),
        ({"tools": [TOOL]}, 400, "invalid_request_error", f"registry.ollama.ai/library/{MODEL} does not support tools"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "x"}}]}]}, 400,
         "invalid_request_error", f'"{MODEL}" does not support images'),
        ({"max_tokens": "x"}, 400, "invalid_request_error", "max_tokens must be a whole number or null, not a string"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_streaming", [False, True])
def test_errors_have_anthropics_shape(
    service: Service, fields: dict[str, Any], status: int, kind: str, message: str, is_streaming: bool
) -> None:
    body = {"model": MODEL, "max_tokens": 5, "messages": HELLO, "stream": is_streaming, **fields}
    response = service.post("/v1/messages", body, headers={"anthropic-version": "2023-06-01", "anthropic-beta": "x"})

    shape = response.json()
    assert (response.status_code, shape["type"], shape["error"]["type"]) == (status, "error", kind)
    assert shape["error"]["message"].startswith(message)
    assert response.headers["request-id"] == shape["request_id"]
    assert response.headers["content-type"].startswith("application/json")


def test_client_raises_what_it_raises_for_anthropic(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as refused:
        client.messages.create(model="nobody/none", max_tokens=1, messages=HELLO)

    assert refused.value.request_id is not None
    with pytest.raises(anthropic.BadRequestError, match="messages is required"):
        client.messages.count_tokens(model=MODEL, messages=[])
