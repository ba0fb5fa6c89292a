"""The real `ollama` Python client against the real service."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import ollama
import pytest

from tests.contract.service import MODEL, Service

HELLO = [{"role": "user", "content": "Say hello."}]
OPTIONS = {"num_predict": 8, "temperature": 0.0, "seed": 3}


@pytest.fixture
def client(service: Service) -> Iterator[ollama.Client]:
    client = ollama.Client(host=service.url)
    yield client
    client._client.close()


def test_unknown_model_raises_with_status_and_text(client: ollama.Client) -> None:
    for is_streaming in (False, True):
        with pytest.raises(ollama.ResponseError, match="model 'nothing' not found") as refusal:
            list(client.chat(model="nothing", messages=HELLO, stream=is_streaming))
        assert refusal.value.status_code == 404


def test_unsupported_request_raises_naming_the_field(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match='expected "json"') as refusal:
        client._request_raw("POST", "/api/chat", json={"model": MODEL, "messages": HELLO, "format": "yaml"})
    assert refusal.value.status_code == 400


def test_list_and_ps(client: ollama.Client) -> None:
    client.chat(model=MODEL, messages=HELLO, options={"num_predict": 1}, keep_alive="5m")
    (listed,) = client.list().models
    (loaded,) = client.ps().models

    assert (listed.model, loaded.model) == (MODEL, MODEL)
    assert listed.digest == loaded.digest
    assert listed.details is not None
    assert listed.details.family == "llama"
    assert loaded.expires_at is not None
    assert loaded.expires_at > datetime.now(UTC)


def test_chat_whole_and_streamed(client: ollama.Client) -> None:
    whole = client.chat(model=MODEL, messages=HELLO, options=OPTIONS)
    parts = list(client.chat(model=MODEL, messages=HELLO, options=OPTIONS, stream=True))

    assert whole.message.content == "".join(part.message.content or "" for part in parts) != ""
    assert (parts[-1].done, parts[-1].done_reason, parts[-1].eval_count) == (True, "length", 8)


def test_streamed_answer_comes_in_parts(client: ollama.Client) -> None:
    """Tokens that come fast share a part, so an answer of a few may be one or two."""
    options = {"num_predict": 200, "ignore_eos": True}
    parts = list(client.chat(model=MODEL, messages=HELLO, options=options, stream=True))

    assert parts[-1].eval_count == 200
    assert len(parts) > 4


def test_generate_whole_and_streamed(client: ollama.Client) -> None:
    whole = client.generate(model=MODEL, prompt="Say hello.", options=OPTIONS)
    parts = list(client.generate(model=MODEL, prompt="Say hello.", options=OPTIONS, stream=True))

    assert whole.response == "".join(part.response for part in parts) != ""
    assert whole.prompt_eval_count == parts[-1].prompt_eval_count


async def test_two_async_clients_stream_at_the_same_time(service: Service) -> None:
    clients = [ollama.AsyncClient(host=service.url) for _ in range(2)]
    first_part_of_both = asyncio.Barrier(2)

    async def read(client: ollama.AsyncClient) -> str:
        text, has_met = "", False
        options = {"num_predict": 60, "temperature": 0.0}
        async for part in await client.chat(model=MODEL, messages=HELLO, options=options, stream=True):
            text += part.message.content or ""
            if not has_met:
                # Only passed when the other has a part too, while this answer is far from its end.
                has_met = await asyncio.wait_for(first_part_of_both.wait(), 30) >= 0
                assert not part.done
        return text

    texts = await asyncio.gather(*(read(client) for client in clients))
    for client in clients:
        await client._client.aclose()

    assert texts[0] == texts[1] != ""


def test_format_gives_json_of_the_schema(client: ollama.Client) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "maximum": 120}}, "required": ["age"]}

    answer = client.chat(model=MODEL, messages=HELLO, format=schema, options={"temperature": 0})

    assert set(json.loads(answer.message.content or "")) == {"age"}


def test_logprobs_reach_the_client_in_its_own_types(client: ollama.Client) -> None:
    # Neither an end nor half a character may come.
    letters = {"type": "array", "items": {"const": "a"}, "minItems": 4}
    asked: dict[str, Any] = {"model": MODEL, "prompt": "hi", "format": letters, "options": {"num_predict": 4}}
    lines = list(client.generate(**asked, stream=True, logprobs=True, top_logprobs=2))

    entries = [entry for line in lines for entry in line.logprobs or []]
    assert len(entries) == 4
    assert "".join(entry.token for entry in entries) == "".join(line.response for line in lines)
    assert all(entry.logprob <= 0 and len(entry.top_logprobs or []) == 2 for entry in entries)
