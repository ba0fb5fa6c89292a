"""`/v1/models`, `/v1/embeddings`, and what there is nothing of, with the real `openai` client."""

import base64
import inspect
import struct
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.contract.service import MODEL, Service
from tests.inference.tiny_models import NUM_EMBD, SAME

TEXTS = ["one two three", "red green blue", "the cat is a dog"]


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
def embedding_client(embedder: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{embedder.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def test_models_are_listed_and_shown(client: openai.OpenAI, service: Service) -> None:
    listed = {model.id: model for model in client.models.list()}
    with service.client() as http:
        (tag,) = [tag for tag in http.get("/api/tags").json()["models"] if tag["name"] == MODEL]

    assert listed[MODEL].created == int(datetime.fromisoformat(tag["modified_at"]).timestamp())
    assert (listed[MODEL].object, listed[MODEL].owned_by) == ("model", "library")
    assert client.models.retrieve(MODEL) == listed[MODEL]
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("nothing")
    assert (missing.value.code, missing.value.type) == ("model_not_found", "not_found_error")


def test_model_with_slashes_is_found(client: openai.OpenAI, service: Service) -> None:
    name = "example.com/people/small:1"
    assert service.post("/api/copy", {"source": MODEL, "destination": name}).status_code == 200

    try:
        found = client.models.retrieve(name)
        with service.client() as http:
            unescaped = http.get(f"/v1/models/{name}").json()
    finally:
        with service.client() as http:
            http.request("DELETE", "/api/delete", json={"model": name})

    assert (found.id, found.owned_by) == (name, "people")
    assert unescaped["id"] == name


def test_no_models_are_an_empty_list(tmp_path: Path) -> None:
    service = Service(tmp_path / "data").start()
    try:
        with service.client() as client:
            assert client.request("DELETE", "/api/delete", json={"model": MODEL}).status_code == 200
        assert httpx.get(f"{service.url}/v1/models").json() == {"object": "list", "data": []}
    finally:
        assert service.stop() == 0


def test_embeddings_are_those_of_api_embed(embedding_client: openai.OpenAI, embedder: Service) -> None:
    expected = embedder.post("/api/embed", {"model": "bert-mean", "input": TEXTS}).json()

    answer = embedding_client.embeddings.create(model="bert-mean", input=TEXTS)

    assert [item.index for item in answer.data] == [0, 1, 2]
    for item, vector in zip(answer.data, expected["embeddings"], strict=True):
        assert item.embedding == pytest.approx(vector, abs=1e-6)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == expected["prompt_eval_count"]
    assert (answer.object, answer.model, answer.data[0].object) == ("list", "bert-mean", "embedding")


def test_embeddings_as_numbers_and_as_bytes(embedder: Service) -> None:
    body = {"model": "bert-mean", "input": TEXTS[0]}
    numbers, coded = (
        embedder.post("/v1/embeddings", {**body, "encoding_format": name}).json()["data"][0]["embedding"]
        for name in ("float", "base64")
    )

    assert list(struct.unpack(f"<{NUM_EMBD}f", base64.b64decode(coded))) == pytest.approx(numbers, abs=1e-6)


def test_embeddings_of_tokens(embedding_client: openai.OpenAI, embedder: Service) -> None:
    # Token ids are taken as they are: without the marks at both ends that a text gets.
    one, three = [7, 8, 9], [[7, 8, 9], [10], [7, 8, 9]]
    alone = embedding_client.embeddings.create(model="bert-mean", input=one)
    several = embedding_client.embeddings.create(model="bert-mean", input=three)

    assert alone.usage.prompt_tokens == 3
    assert several.data[0].embedding == pytest.approx(alone.data[0].embedding, abs=SAME)
    assert several.data[2].embedding == pytest.approx(alone.data[0].embedding, abs=SAME)
    assert several.data[1].embedding != pytest.approx(alone.data[0].embedding, abs=5e-2)


def test_embeddings_can_be_cut(embedding_client: openai.OpenAI, embedder: Service) -> None:
    expected = embedder.post("/api/embed", {"model": "bert-mean", "input": TEXTS, "dimensions": 8}).json()["embeddings"]

    answer = embedding_client.embeddings.create(model="bert-mean", input=TEXTS, dimensions=8)

    assert [item.embedding for item in answer.data] == [pytest.approx(vector, abs=1e-6) for vector in expected]


def test_embeddings_of_what_is_too_long(embedding_client: openai.OpenAI) -> None:
    assert embedding_client.embeddings.create(model="bert-mean", input="one " * 500).usage.prompt_tokens < 100
    with pytest.raises(openai.BadRequestError, match="exceeds the context length") as refused:
        embedding_client.embeddings.create(model="bert-mean", input="one " * 500, extra_body={"truncate": False})
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="does not support embedding"):
        embedding_client.embeddings.create(model="bert-rank", input="a")


async def test_embeddings_of_the_async_client(embedder: Service) -> None:
    async with openai.AsyncOpenAI(base_url=f"{embedder.url}/v1", api_key="x", max_retries=0) as client:
        answer = await client.embeddings.create(model="bert-mean", input=TEXTS[1])

    assert len(answer.data[0].embedding) == NUM_EMBD


#: Of the client, the parts that are answered; everything else is not there, and says so.
ANSWERED = {"chat", "completions", "embeddings", "models", "responses"}


def list_calls(client: openai.OpenAI) -> dict[str, Any]:
    """`list` of every part of the client that has one and takes nothing."""
    parts = {name: getattr(client, name) for name, _ in inspect.getmembers(type(client)) if not name.startswith(("_", "with_"))}
    return {name: part.list for name, part in parts.items() if name not in ANSWERED and hasattr(part, "list")}


def test_what_there_is_nothing_of_answers_404_in_openais_shape(client: openai.OpenAI) -> None:
    calls = list_calls(client)
    assert {"files", "batches", "vector_stores"} <= set(calls)

    for call in calls.values():
        with warnings.catch_warnings(), pytest.raises(openai.NotFoundError) as missing:
            # OpenAI itself has ended some of these.
            warnings.simplefilter("ignore", DeprecationWarning)
            call()
        assert (missing.value.type, missing.value.body is not None) == ("not_found_error", True)

    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="x")
    with pytest.raises(openai.NotFoundError):
        client.images.generate(prompt="x")
    with pytest.raises(openai.APIStatusError) as refused:
        client.models.delete(MODEL)
    assert refused.value.status_code == 405
