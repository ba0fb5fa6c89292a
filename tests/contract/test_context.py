"""A context larger than can be had is made smaller, and the client is told."""

from tests.contract.service import Service
from tests.inference.tiny_models import NUM_CTX


def test_context_beyond_what_the_model_knows_is_made_smaller_and_said_so(embedder: Service) -> None:
    body = {"model": "llama-plain", "prompt": "one", "raw": True, "stream": False, "options": {"num_predict": 1}}
    plain = embedder.post("/api/generate", body).json()
    larger = embedder.post("/api/generate", {**body, "options": {"num_predict": 1, "num_ctx": 131_072}}).json()
    with embedder.client() as client:
        (loaded,) = [model for model in client.get("/api/ps").json()["models"] if model["name"] == "llama-plain:latest"]

    assert "num_ctx_asked" not in plain["hearth"]
    assert (larger["hearth"]["num_ctx"], larger["hearth"]["num_ctx_asked"]) == (NUM_CTX, 131_072)
    assert (loaded["context_length"], loaded["hearth"]) == (NUM_CTX, {"num_ctx_asked": 131_072})
