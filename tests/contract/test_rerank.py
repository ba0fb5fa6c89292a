"""`/v1/rerank` and `/v2/rerank` as the clients of Cohere, Jina, vLLM and MaxKB send and read them."""

from typing import Any

import pytest

from tests.contract.service import Service

DOCUMENTS = ["one two three", "red green blue", "the cat is a dog"]
BODY: dict[str, Any] = {"model": "bert-rank", "query": "the cat", "documents": DOCUMENTS}


def rank(service: Service, path: str = "/v1/rerank", **changes: Any) -> dict[str, Any]:
    response = service.post(path, {**BODY, **changes})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_rerank_v1_answers_with_all_that_its_clients_read(embedder: Service) -> None:
    answer = rank(embedder)
    own = embedder.post("/api/rerank", BODY).json()

    assert set(answer) == {"id", "model", "results", "usage", "meta"}
    scores = [(result["index"], result["relevance_score"]) for result in answer["results"]]
    assert scores == [(result["index"], result["relevance_score"]) for result in own["results"]]
    assert [score for _, score in scores] == sorted((score for _, score in scores), reverse=True)
    assert all(result["document"] == {"text": DOCUMENTS[result["index"]]} for result in answer["results"])
    num_tokens = own["prompt_eval_count"]
    assert answer["usage"] == {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    assert answer["meta"] == {
        "api_version": {"version": "1"},
        "billed_units": {"search_units": 1},
        "tokens": {"input_tokens": num_tokens, "output_tokens": 0},
    }


def test_rerank_v2_is_the_same(embedder: Service) -> None:
    first, second = rank(embedder), rank(embedder, "/v2/rerank")

    assert second["results"] == first["results"]
    assert second["meta"]["api_version"] == {"version": "2"}


@pytest.mark.parametrize(
    "changes",
    [
        {"documents": [{"text": text} for text in DOCUMENTS]},
        {"documents": None, "texts": DOCUMENTS},
        {"rank_fields": ["text"], "max_chunks_per_doc": 10, "truncate_prompt_tokens": -1, "user": "x"},
    ],
    ids=["objects", "texts", "fields of others"],
)
def test_rerank_v1_takes_every_form_of_documents(embedder: Service, changes: dict[str, Any]) -> None:
    assert rank(embedder, **changes)["results"] == rank(embedder)["results"]


def test_rerank_v1_gives_as_many_as_are_asked_for_without_documents(embedder: Service) -> None:
    (result,) = rank(embedder, top_n=1, return_documents=False)["results"]

    assert set(result) == {"index", "relevance_score"}


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"model": ""}, 400, "model is required"),
        ({"model": "nothing"}, 404, "model 'nothing' not found"),
        ({"model": "bert-mean"}, 400, '"bert-mean" does not support rerank'),
        ({"documents": []}, 400, "documents is required"),
        ({"documents": [5]}, 400, 'documents must be an array of strings, or of objects with a "text"'),
        ({"documents": "x"}, 400, "documents must be an array, not a string"),
        ({"query": " "}, 400, "query is required"),
        ({"top_n": "x"}, 400, "top_n must be a whole number, not a string"),
    ],
)
def test_rerank_v1_refuses_in_the_shape_of_its_path(
    embedder: Service, changes: dict[str, Any], status: int, message: str
) -> None:
    response = embedder.post("/v1/rerank", {**BODY, **changes})

    assert (response.status_code, response.json()["error"]["message"]) == (status, message)
    assert response.json()["error"]["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
