"""`/v1/chat/completions`, with the real `openai` client."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import BaseModel, Field

from tests.contract.service import ENDLESS, MODEL, Service, until

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
#: An answer does not end before its limit, whatever the model would say.
IGNORE_EOS = {"options": {"ignore_eos": True}}


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1/", api_key="anything", max_retries=0) as client:
        yield client


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_chat_whole_and_streamed_are_the_same(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, max_completion_tokens=8, max_tokens=2, temperature=0)
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8, temperature=0, stream=True))

    assert whole.choices[0].message.content == text_of(chunks) != ""
    assert whole.usage is not None
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens, whole.model) == ("length", 8, MODEL)
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 8
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]
    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1


def test_streamed_chat_comes_in_parts(client: openai.OpenAI) -> None:
    """Tokens that come fast share a part, so an answer of a few may be one or two."""
    more = {"options": {"ignore_eos": True}}
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=200, stream=True, extra_body=more))

    assert len(chunks) > 4


def test_stream_with_usage_has_it_in_a_last_chunk_without_choices(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=3, stream=True, stream_options={"include_usage": True}, extra_body=IGNORE_EOS
        )
    )

    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    usage = chunks[-1].usage
    assert usage is not None and usage.prompt_tokens_details is not None
    assert (chunks[-1].choices, usage.completion_tokens) == ([], 3)
    assert usage.prompt_tokens_details.cached_tokens is not None


def test_choices_differ_and_are_the_same_the_next_time(client: openai.OpenAI) -> None:
    def ask() -> list[str | None]:
        answer = client.chat.completions.create(
            model=MODEL, messages=HELLO, n=3, seed=5, max_tokens=3, temperature=1.5, extra_body=IGNORE_EOS
        )
        assert [choice.index for choice in answer.choices] == [0, 1, 2]
        assert answer.usage is not None and answer.usage.completion_tokens == 9
        return [choice.message.content for choice in answer.choices]

    first = ask()

    # Few tokens: what is computed anew is rounded anew, and a draw in a thousand falls to another side.
    assert len(set(first)) > 1
    assert ask() == first


def test_prompt_of_several_choices_is_computed_once(client: openai.OpenAI, service: Service) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Once upon a time. " * 40}]
    before = _num_computed(service)
    answer = client.chat.completions.create(model=MODEL, messages=messages, n=4, max_tokens=1)

    assert answer.usage is not None and answer.usage.prompt_tokens > 200
    assert _num_computed(service) - before < answer.usage.prompt_tokens * 1.2


def _num_computed(service: Service) -> int:
    return _metric(service, "hearth_prompt_tokens_total", 'source="computed"')


def test_choices_are_streamed_under_their_index(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "n": 2, "seed": 5, "max_tokens": 2}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True))

    assert [text_of(chunks, index) for index in (0, 1)] == [choice.message.content for choice in whole.choices]


def test_stop_ends_the_answer_and_is_not_in_it(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": ENDLESS, "max_tokens": 60, "temperature": 0}
    for stop in (" 12", ["x", " 12"]):
        choice = client.chat.completions.create(**asked, stop=stop).choices[0]
        assert choice.finish_reason == "stop"
        assert choice.message.content is not None and "12" not in choice.message.content


def test_bias_of_minus_100_forbids_a_token(client: openai.OpenAI, service: Service) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 1, "temperature": 0}
    usual = client.chat.completions.create(**asked).choices[0].message.content
    (token,) = service.post("/api/tokenize", {"model": MODEL, "content": usual}).json()["tokens"]

    assert client.chat.completions.create(**asked, logit_bias={str(token): -100}).choices[0].message.content != usual
    assert client.chat.completions.create(**asked, logit_bias={str(token): 100}).choices[0].message.content == usual


def test_logprobs_are_those_of_the_tokens(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 4, "logprobs": True, "top_logprobs": 2}
    choice = client.chat.completions.create(**asked, temperature=0).choices[0]
    chunks = list(client.chat.completions.create(**asked, temperature=0, stream=True))

    assert choice.logprobs is not None and choice.logprobs.content is not None
    entries = choice.logprobs.content
    assert b"".join(bytes(entry.bytes or []) for entry in entries).decode() == choice.message.content
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in entries)
    assert all(entry.logprob == entry.top_logprobs[0].logprob for entry in entries)
    streamed = [chunk.choices[0].logprobs.content or [] for chunk in chunks if chunk.choices[0].logprobs is not None]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert b"".join(bytes(entry.bytes or []) for part in streamed for entry in part).decode() == text


class Person(BaseModel):
    mood: Literal["glad", "sad"]
    age: Literal[7, 70] | None
    friends: list[Literal["Ann", "Bo"]] = Field(max_length=2)


def test_parse_gives_an_object_of_the_asked_class(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Person, temperature=0)

    person = answer.choices[0].message.parsed
    assert isinstance(person, Person)
    assert list(json.loads(answer.choices[0].message.content or "")) == ["mood", "age", "friends"]


def test_json_object_begins_as_one(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, response_format={"type": "json_object"}, max_tokens=4, temperature=0
    )

    assert (answer.choices[0].message.content or "").startswith("{")


def test_stream_helper_follows_to_the_end(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=Person, temperature=0) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()

    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Person)


def test_raw_response_has_the_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=1, extra_body=IGNORE_EOS)

    assert raw.headers["content-type"] == "application/json; charset=utf-8"
    assert raw.parse().choices[0].finish_reason == "length"
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=HELLO, max_tokens=1, stream=True
    ) as streamed:
        assert streamed.headers["content-type"] == "text/event-stream"
        assert list(streamed.iter_lines())[-2:] == ["data: [DONE]", ""]


async def test_async_client_streams_and_parses(async_client: openai.AsyncOpenAI) -> None:
    async def streamed() -> str:
        stream = await async_client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=6, temperature=0, stream=True)
        return text_of([chunk async for chunk in stream])

    whole, *texts = await asyncio.gather(
        async_client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=6, temperature=0), streamed(), streamed()
    )

    assert [whole.choices[0].message.content] * 2 == texts
    async with async_client.chat.completions.stream(
        model=MODEL, messages=HELLO, extra_body={"grammar": 'root ::= "yes"'}
    ) as stream:
        final = await stream.get_final_completion()
    assert (final.choices[0].message.content, final.choices[0].finish_reason) == ("yes", "stop")


def test_closing_a_stream_ends_the_work_of_all_its_choices(client: openai.OpenAI, service: Service) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=ENDLESS, n=2, stream=True, temperature=0, extra_body={"hearth": {"loop_guard": False}}
    )  # type: ignore[call-overload]
    next(chunk for chunk in stream if chunk.choices[0].delta.content)
    assert _num_running(service) == 2

    stream.close()

    until(lambda: _num_running(service) == 0)


def _num_running(service: Service) -> int:
    return _metric(service, "hearth_slots_in_use")


def _metric(service: Service, name: str, label: str = "") -> int:
    with service.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith(name) and label in line))


def test_reasoning_effort_is_no_error_for_a_model_that_does_not_think(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1, reasoning_effort="high")
    assert answer.usage is not None and answer.usage.completion_tokens == 1

    with pytest.raises(openai.BadRequestError, match="does not support thinking"):
        client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"think": True})


def test_modelfiles_temperature_comes_before_openais(client: openai.OpenAI, service: Service) -> None:
    created = {"model": "v1-cold", "from": MODEL, "parameters": {"temperature": 0}, "stream": False}
    assert service.post("/api/create", created).json() == {"status": "success"}

    plain = client.chat.completions.create(model="v1-cold", messages=HELLO, max_tokens=8).choices[0].message.content
    warm = client.chat.completions.create(model="v1-cold", messages=HELLO, max_tokens=8, temperature=2, seed=4)
    with service.client() as http:
        http.request("DELETE", "/api/delete", json={"model": "v1-cold"})

    greedy = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8, temperature=0)
    assert plain == greedy.choices[0].message.content != warm.choices[0].message.content


def test_extras_of_hearth_are_honoured(client: openai.OpenAI) -> None:
    extra = {"options": {"num_predict": 3}, "grammar": 'root ::= "yes" | "no"', "num_ctx": 256, "keep_alive": "5m"}
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, extra_body=extra)

    assert answer.choices[0].message.content in ("yes", "no")


def test_history_that_is_too_long_is_cut_and_said(client: openai.OpenAI) -> None:
    old: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "word " * 1100},
        {"role": "assistant", "content": "I see."},
    ]
    answer = client.chat.completions.create(model=MODEL, messages=[*old, *HELLO], max_tokens=1)

    assert answer.model_extra is not None
    assert answer.model_extra["hearth"]["dropped_tokens"] > 1000
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=[*old, *HELLO], extra_body={"truncate": False})
    assert refused.value.code == "context_length_exceeded"


def test_events_are_comments_that_clients_pass_over(service: Service) -> None:
    body = {"model": MODEL, "messages": HELLO, "stream": True, "max_tokens": 2, "hearth": {"events": True}}
    with service.client() as client:
        client.post("/api/chat", json={"model": MODEL, "messages": [], "keep_alive": 0})
        lines = client.post("/v1/chat/completions", json=body).text.splitlines()

    events = [json.loads(line.removeprefix(": hearth ")) for line in lines if line.startswith(": ")]
    assert "loading" in {event["event"] for event in events}
    assert lines[-2] == "data: [DONE]"


def test_requests_as_continue_sends_them(service: Service) -> None:
    headers = {"authorization": "Bearer", "x-stainless-lang": "js", "x-stainless-retry-count": "0", "user-agent": "OpenAI/JS 5"}
    body = {
        "model": MODEL, "messages": [{"role": "system", "content": ""}, *HELLO], "stream": True, "max_tokens": 2, "tools": [],
        "stream_options": {"include_usage": True}, "parallel_tool_calls": False, "user": "someone", "store": False,
        "metadata": {"a": "b"}, "service_tier": "auto", "temperature": None, **IGNORE_EOS,
    }  # fmt: skip
    with service.client() as client:
        response = client.post("/v1/chat/completions", json=body, headers=headers)

    assert response.status_code == 200
    assert response.text.rstrip().splitlines()[-1] == "data: [DONE]"
    assert json.loads(response.text.rstrip().splitlines()[-3].removeprefix("data: "))["usage"]["completion_tokens"] == 2


def test_body_is_read_whatever_its_type(service: Service) -> None:
    body = json.dumps({"Model": MODEL, "messages": HELLO, "max_tokens": 1, "stream_options": None})
    response = httpx.post(f"{service.url}/v1/chat/completions", content=body, headers={"content-type": "text/plain"}, timeout=60)

    assert response.json()["object"] == "chat.completion"
