"""Copying and deleting models over HTTP, with Ollama's statuses and sentences."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest

from tests.contract.service import MODEL, Service, chat_body, until


@pytest.fixture
def client(service: Service) -> Iterator[ollama.Client]:
    client = ollama.Client(host=service.url)
    yield client
    client._client.close()


def names(client: ollama.Client) -> set[str | None]:
    return {model.model for model in client.list().models}


def test_copy_and_delete_with_the_real_client(client: ollama.Client) -> None:
    assert client.copy(MODEL, "someone/Copy").status == "success"
    copied = next(model for model in client.list().models if model.model == "someone/Copy:latest")
    assert copied.digest == client.list().models[-1].digest

    assert client.delete("SOMEONE/copy").status == "success"
    assert names(client) == {MODEL}


def test_unload_of_a_copy_leaves_the_runner_to_the_other_name(service: Service, client: ollama.Client) -> None:
    service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1}))
    client.copy(MODEL, "second")
    client.delete("second")

    assert [model.model for model in client.ps().models] == [MODEL]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("DELETE", "/api/delete", {}, 400, "model is required"),
        ("DELETE", "/api/delete", {"name": "../etc"}, 400, 'name "../etc" is invalid'),
        ("DELETE", "/api/delete", {"name": "a\0b"}, 400, 'name "a\0b" is invalid'),
        ("DELETE", "/api/delete", {"model": "nothing"}, 404, "model 'nothing' not found"),
        ("DELETE", "/api/delete", {"model": 3}, 400, "model must be a string, not a whole number"),
        ("POST", "/api/copy", {}, 400, 'source "" is invalid'),
        ("POST", "/api/copy", {"source": "/abs", "destination": "x"}, 400, 'source "/abs" is invalid'),
        ("POST", "/api/copy", {"source": MODEL, "destination": "a/../b"}, 400, 'destination "a/../b" is invalid'),
        ("POST", "/api/copy", {"source": "nothing", "destination": "x"}, 404, 'model "nothing" not found'),
    ],
)
def test_refusals(service: Service, method: str, path: str, body: dict[str, Any], status: int, error: str) -> None:
    with service.client() as client:
        response = client.request(method, path, json=body)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_deleted_model_is_unloaded_and_its_blobs_are_gone(tmp_path: Path) -> None:
    service = Service(tmp_path / "data", OLLAMA_CONTEXT_LENGTH="256").start()
    try:
        service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1}))
        assert len(service.runners()) == 1
        with service.client() as client:
            response = client.request("DELETE", "/api/delete", content=json.dumps({"name": MODEL.upper()}))

        assert (response.status_code, response.content) == (200, b"")
        until(lambda: service.runners() == [])
        assert list((service.data / "models" / "blobs").iterdir()) == []
        assert service.post("/api/chat", chat_body()).status_code == 404
    finally:
        assert service.stop() == 0
