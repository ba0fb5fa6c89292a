"""`/v1/completions`, with the real `openai` client."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.contract.service import MODEL, Service

FILLER = "{{ if .Suffix }}<PRE>{{ .Prompt }}<SUF>{{ .Suffix }}<MID>{{ else }}{{ .Prompt }}{{ end }}"
COUNTING = "1, 2, 3, 4, 5,"


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def filler(service: Service) -> Iterator[str]:
    created = service.post("/api/create", {"model": "v1-filler", "from": MODEL, "template": FILLER, "stream": False})
    assert created.json() == {"status": "success"}
    yield "v1-filler"
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "v1-filler"}).status_code == 200


def test_prompt_goes_on_as_it_is_without_a_template(client: openai.OpenAI, service: Service) -> None:
    asked: dict[str, Any] = {"model": MODEL, "prompt": COUNTING, "max_tokens": 6, "temperature": 0}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    raw = {"model": MODEL, "prompt": COUNTING, "raw": True, "stream": False, "options": {"num_predict": 6, "temperature": 0}}

    assert whole.choices[0].text == service.post("/api/generate", raw).json()["response"] != ""
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole.choices[0].text
    assert whole.choices[0].finish_reason == chunks[-2].choices[0].finish_reason == "length"
    assert whole.usage is not None and chunks[-1].usage is not None
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 6)
    assert whole.usage.prompt_tokens == chunks[-1].usage.prompt_tokens
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_template_is_applied_where_it_is_asked_for(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "prompt": "Say hello.", "max_tokens": 1}
    raw, templated = client.completions.create(**asked), client.completions.create(**asked, extra_body={"raw": False})

    assert raw.usage is not None and templated.usage is not None
    assert templated.usage.prompt_tokens > raw.usage.prompt_tokens + 10


def test_several_prompts_with_several_choices_come_in_order(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=MODEL, prompt=["1, 2,", "a, b,"], n=2, max_tokens=1, temperature=0, echo=True)

    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text[:5] for choice in answer.choices] == ["1, 2,", "1, 2,", "a, b,", "a, b,"]
    assert answer.choices[0].text == answer.choices[1].text
    assert answer.usage is not None and answer.usage.completion_tokens == 4


def test_usage_for_the_web_process_counts_each_prompt(service: Service) -> None:
    body = {"model": MODEL, "prompt": ["1, 2,", "a, b,"], "n": 2, "max_tokens": 1}
    transport = httpx.HTTPTransport(uds=str(service.socket_path))
    with httpx.Client(transport=transport, base_url="http://runtime", timeout=60) as client:
        response = client.post("/v1/completions", json=body, headers={"hearth-caller": "user:7/key:12"})
        streamed = client.post("/v1/completions", json={**body, "stream": True}, headers={"hearth-caller": "user:7/key:12"})

    usage = {name: response.json()["usage"][name] for name in ("prompt_tokens", "completion_tokens")}
    assert json.loads(response.headers["hearth-usage"]) == usage
    assert f": usage {json.dumps(usage, separators=(',', ':'))}" in streamed.text.splitlines()


def test_tokens_are_the_prompt_that_they_spell(client: openai.OpenAI, service: Service) -> None:
    tokens = service.post("/api/tokenize", {"model": MODEL, "prompt": COUNTING}).json()["tokens"]
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": 4, "temperature": 0}

    spelled, one, two = (client.completions.create(**asked, prompt=prompt) for prompt in (COUNTING, tokens, [tokens, tokens]))

    texts = [choice.text for answer in (spelled, one, two) for choice in answer.choices]
    assert len(texts) == 4 and len(set(texts)) == 1


def test_echo_alone_gives_the_prompt_back(client: openai.OpenAI) -> None:
    (choice,) = client.completions.create(model=MODEL, prompt=COUNTING, echo=True, max_tokens=0).choices
    chunks = list(client.completions.create(model=MODEL, prompt=COUNTING, echo=True, max_tokens=1, temperature=0, stream=True))

    assert choice.text == COUNTING
    assert chunks[0].choices[0].text == COUNTING


def test_logprobs_have_the_older_shape(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "prompt": COUNTING, "max_tokens": 5, "temperature": 0}
    choice = client.completions.create(**asked, logprobs=2).choices[0]
    plain = client.completions.create(**asked, logprobs=0).choices[0]

    assert choice.logprobs is not None and plain.logprobs is not None
    assert "".join(choice.logprobs.tokens or []) == choice.text
    assert [choice.text[offset:][:1] for offset in choice.logprobs.text_offset or []] == [
        token[:1] for token in choice.logprobs.tokens or []
    ]
    tops = choice.logprobs.top_logprobs or []
    assert [max(top, key=lambda token: top[token]) for top in tops] == choice.logprobs.tokens
    assert plain.logprobs.token_logprobs == pytest.approx(choice.logprobs.token_logprobs, abs=0.05)
    assert plain.logprobs.top_logprobs is None


@pytest.mark.parametrize("prefix", ["def add(", ""])
def test_suffix_asks_for_what_stands_before_it(client: openai.OpenAI, filler: str, prefix: str) -> None:
    answer = client.completions.create(model=filler, prompt=prefix, suffix="return x", max_tokens=1, temperature=0)
    text = client.completions.create(model=filler, prompt=f"<PRE>{prefix}<SUF>return x<MID>", max_tokens=1, temperature=0)

    assert answer.usage is not None and text.usage is not None
    assert answer.usage.prompt_tokens == text.usage.prompt_tokens
    assert answer.choices[0].text == text.choices[0].text


async def test_async_client_streams(service: Service) -> None:
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="x", max_retries=0) as client:
        stream = await client.completions.create(
            model=MODEL, prompt="Tell:", max_tokens=40, stream=True, extra_body={"grammar": 'root ::= "one END two"'}, stop="END"
        )
        chunks = [chunk async for chunk in stream]

    # What the format still asks for is missing.
    assert "".join(chunk.choices[0].text for chunk in chunks) == "one "
    assert chunks[-1].choices[0].finish_reason == "length"
