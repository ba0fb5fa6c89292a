"""Embeddings and reranking over HTTP, with models of random weights and with the starter model."""

import json
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ollama
import pytest

from tests.contract.service import MODEL, Service, until
from tests.inference.tiny_models import NUM_CTX, NUM_EMBD, SAME

TEXTS = ["one two three", "red green blue", "the cat is a dog", "sun", "one two three four five six moon"]


def embed(service: Service, model: str, value: Any, **fields: Any) -> dict[str, Any]:
    response = service.post("/api/embed", {"model": model, "input": value, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def refusal(service: Service, path: str, body: object) -> tuple[int, str]:
    response = service.post(path, body)
    return response.status_code, response.json()["error"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "bert-mean", "input": 7}, (400, "invalid input type")),
        ({"model": "bert-mean", "input": ["a", 7]}, (400, "invalid input type")),
        ({"model": "bert-mean", "input": {"text": "a"}}, (400, "invalid input type")),
        ({"model": "bert-mean", "input": "a", "dimensions": "x"}, (400, "dimensions must be a whole number, not a string")),
        ({"model": "bert-mean", "input": ["a"] * 8193}, (400, "input has 8193 texts; at most 8192 are possible in one request")),
        ({"input": "a"}, (404, "model '' not found")),
        ({"model": "nothing", "input": "a"}, (404, "model 'nothing' not found")),
        ({"model": "bert-rank", "input": "a"}, (400, '"bert-rank" does not support embedding')),
        ({"model": "bert-mean", "input": "one " * 100, "truncate": False}, (400, "the input length exceeds the context length")),
        (
            {"model": "bert-mean", "input": ["one", "one " * 10], "truncate": False, "options": {"num_ctx": 6}},
            (400, "the input length exceeds the context length"),
        ),
        ({"model": "bert-mean", "input": "a", "keep_alive": True}, (400, "keep_alive: Unsupported type: 'bool'")),
    ],
)  # fmt: skip
def test_embed_refuses(embedder: Service, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert refusal(embedder, "/api/embed", body) == expected


@pytest.mark.parametrize("model", ["bert-mean", "llama-last"])
def test_embed_list_is_each_text_in_order(embedder: Service, model: str) -> None:
    together = embed(embedder, model, TEXTS)
    alone = [embed(embedder, model, text) for text in TEXTS]

    assert set(together) == {"model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"}
    assert together["model"] == model
    assert together["prompt_eval_count"] == sum(answer["prompt_eval_count"] for answer in alone) > len(TEXTS)
    for vector, answer in zip(together["embeddings"], alone, strict=True):
        assert len(vector) == NUM_EMBD
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)
        assert vector == pytest.approx(answer["embeddings"][0], abs=SAME)
    assert len({tuple(vector) for vector in together["embeddings"]}) == len(TEXTS)


def test_embed_more_texts_than_a_runner_is_given_at_once_keep_their_order(embedder: Service) -> None:
    texts = [TEXTS[number % 5] for number in range(203)]
    expected = embed(embedder, "bert-mean", TEXTS)["embeddings"]

    vectors = embed(embedder, "bert-mean", texts)["embeddings"]

    assert len(vectors) == 203
    for number, vector in enumerate(vectors):
        assert vector == pytest.approx(expected[number % 5], abs=SAME)


def test_embed_many_clients_at_once_each_get_their_own(embedder: Service) -> None:
    expected = embed(embedder, "bert-mean", TEXTS)["embeddings"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: embed(embedder, "bert-mean", TEXTS[n % 5])["embeddings"], range(40)))

    for number, (vector,) in enumerate(answers):
        assert vector == pytest.approx(expected[number % 5], abs=SAME)


def test_embed_dimensions_cut_and_normalise_again(embedder: Service) -> None:
    whole = embed(embedder, "bert-mean", "one two")["embeddings"][0]
    cut = embed(embedder, "bert-mean", "one two", dimensions=8)["embeddings"][0]
    length = math.hypot(*whole[:8])

    assert cut == pytest.approx([value / length for value in whole[:8]], abs=1e-6)
    for dimensions in (0, -1, 1000):
        assert len(embed(embedder, "bert-mean", "one two", dimensions=dimensions)["embeddings"][0]) == NUM_EMBD


def test_embed_truncates_to_the_context(embedder: Service) -> None:
    at_end = embed(embedder, "bert-mean", "one " * 500)
    asked = embed(embedder, "bert-mean", "one " * 500, options={"num_ctx": 10})

    assert (at_end["prompt_eval_count"], asked["prompt_eval_count"]) == (NUM_CTX, 10)
    # The marks at both ends stay.
    assert asked["embeddings"] == embed(embedder, "bert-mean", "one " * 8)["embeddings"]


@pytest.mark.parametrize("value", ["", [], None])
def test_embed_nothing_loads_and_gives_nothing(embedder: Service, value: object) -> None:
    answer = embed(embedder, "llama-last", value, keep_alive="5m")
    with embedder.client() as client:
        loaded = [model["name"] for model in client.get("/api/ps").json()["models"]]

    assert answer == {"model": "llama-last", "embeddings": []}
    assert "llama-last:latest" in loaded


def test_embed_empty_text_in_a_list_has_its_place(embedder: Service) -> None:
    vectors = embed(embedder, "bert-mean", ["one", "", "two"])["embeddings"]

    assert len(vectors) == 3 and len({tuple(vector) for vector in vectors}) == 3


def test_embed_takes_options_full_of_nulls(embedder: Service) -> None:
    nulls = dict.fromkeys(["num_ctx", "temperature", "top_k", "mirostat", "stop", "num_gpu", "num_thread"])

    answer = embed(embedder, "bert-mean", ["one"], options=nulls, keep_alive=None, truncate=None, dimensions=None)

    assert answer["embeddings"] == embed(embedder, "bert-mean", "one")["embeddings"]


def test_embeddings_legacy_gives_one_vector_of_the_same_direction(embedder: Service) -> None:
    raw = embedder.post("/api/embeddings", {"model": "bert-mean", "prompt": "one two"}).json()
    unit = embed(embedder, "bert-mean", "one two")["embeddings"][0]
    length = math.hypot(*raw["embedding"])

    assert set(raw) == {"embedding"} and length > 1.5
    assert [value / length for value in raw["embedding"]] == pytest.approx(unit, abs=1e-6)
    assert embedder.post("/api/embeddings", {"model": "bert-mean", "prompt": ""}).json() == {"embedding": []}
    assert refusal(embedder, "/api/embeddings", {"prompt": "a"}) == (400, "model is required")
    assert refusal(embedder, "/api/embeddings", {"model": "no", "prompt": "a"}) == (
        404, 'model "no" not found, try pulling it first',
    )  # fmt: skip


def test_rerank_gives_the_best_first(embedder: Service) -> None:
    body = {"model": "bert-rank", "query": "what is red", "documents": TEXTS}
    results = embedder.post("/api/rerank", body).json()["results"]
    first = embedder.post("/api/rerank", {**body, "top_n": 2, "return_documents": True}).json()["results"]
    swapped = embedder.post("/api/rerank", {**body, "documents": [{"text": text} for text in TEXTS[::-1]]}).json()["results"]

    scores = [result["relevance_score"] for result in results]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 5
    assert all(0 < score < 1 for score in scores)
    assert sorted(result["index"] for result in results) == [0, 1, 2, 3, 4]
    assert [result["index"] for result in first] == [result["index"] for result in results[:2]]
    assert first[0]["document"] == {"text": TEXTS[first[0]["index"]]}
    assert [4 - result["index"] for result in swapped] == [result["index"] for result in results]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": "a", "documents": ["b"]}, (400, "model is required")),
        ({"model": "bert-mean", "query": "a", "documents": ["b"]}, (400, '"bert-mean" does not support rerank')),
        ({"model": "bert-rank", "documents": ["b"]}, (400, "query is required")),
        (
            {"model": "bert-rank", "query": "a", "documents": [5]},
            (400, 'documents must be an array of strings, or of objects with a "text"'),
        ),
        (
            {"model": "bert-rank", "query": "one " * 100, "documents": ["b"]},
            (400, "The query leaves no room for a document in this model's context of 64 tokens."),
        ),
    ],
)
def test_rerank_refuses(embedder: Service, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert refusal(embedder, "/api/rerank", body) == expected


def test_rerank_long_document_is_cut(embedder: Service) -> None:
    answer = embedder.post("/api/rerank", {"model": "bert-rank", "query": "one", "documents": ["two " * 500]}).json()

    assert answer["prompt_eval_count"] == NUM_CTX and len(answer["results"]) == 1
    assert embedder.post("/api/rerank", {"model": "bert-rank", "query": "", "documents": []}).json()["results"] == []


@pytest.mark.parametrize("model", ["bert-mean", "llama-last", "bert-rank"])
def test_chat_and_generate_refuse_models_that_write_no_text(embedder: Service, model: str) -> None:
    messages = [{"role": "user", "content": "hi"}]

    assert refusal(embedder, "/api/chat", {"model": model, "messages": messages}) == (400, f'"{model}" does not support chat')
    assert refusal(embedder, "/api/generate", {"model": model, "prompt": "a"}) == (400, f'"{model}" does not support generate')


def test_tags_tell_capabilities_and_lengths(embedder: Service) -> None:
    with embedder.client() as client:
        listed = {model["name"].split(":")[0]: model for model in client.get("/api/tags").json()["models"]}

    assert {name: model["capabilities"] for name, model in listed.items()} == {
        "bert-mean": ["embedding"],
        "llama-last": ["embedding"],
        "bert-rank": ["rerank"],
        "llama-plain": ["completion"],
        "smollm2": ["completion"],
    }
    assert (listed["bert-mean"]["details"]["context_length"], listed["bert-mean"]["details"]["embedding_length"]) == (64, 32)


def test_chat_model_embeds_and_writes_at_the_same_time(embedder: Service) -> None:
    """The mean over the starter model's tokens: crude, and still texts alike are closer."""
    texts = ["A cat sits on the mat.", "A kitten lies on the rug.", "The central bank raised interest rates."]
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Count."}], "stream": False}
    with ThreadPoolExecutor(2) as pool:
        answering = pool.submit(embedder.post, "/api/chat", {**chat, "options": {"num_predict": 30, "ignore_eos": True}})
        answers = [embed(embedder, MODEL, texts) for _ in range(2)]
        answer = answering.result().json()

    assert answer["eval_count"] == 30
    cat, kitten, bank = answers[0]["embeddings"]
    assert len(cat) == 576
    assert _dot(cat, kitten) > _dot(cat, bank)
    assert answers[1]["embeddings"][2] == pytest.approx(bank, abs=1e-3)


def test_embed_of_a_client_that_went_away_is_given_up(embedder: Service) -> None:
    """The model is busy for minutes with it, unless it is given up: only then can it be unloaded."""
    embed(embedder, MODEL, "warm")
    body = json.dumps({"model": MODEL, "input": ["one two three four " * 25] * 4000}).encode()
    head = f"POST /api/embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with embedder.client() as client, socket.create_connection(("127.0.0.1", embedder.port), timeout=10) as connection:
        connection.sendall(head + body)
        # Its first part has been taken when a request behind it is answered.
        embed(embedder, MODEL, "after")
        connection.close()
        client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})

        until(lambda: MODEL not in {model["name"] for model in client.get("/api/ps").json()["models"]}, seconds=30)


def test_ollama_client_embeds(embedder: Service) -> None:
    client = ollama.Client(host=embedder.url)

    several = client.embed(model="bert-mean", input=TEXTS)
    legacy = client.embeddings(model="bert-mean", prompt=TEXTS[0])
    client._client.close()

    assert [len(vector) for vector in several.embeddings] == [NUM_EMBD] * 5
    assert len(legacy.embedding) == NUM_EMBD
    assert (several.prompt_eval_count or 0) > 5


def _dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
