"""Estimates of models that are still at their registry: a real one, which may say what it likes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry, running_registry
from tests.inference.library.files import ARRAY, STRING, U32, Value, gguf
from tests.inference.tiny_models import write_bert

LAYERS, WIDTH = 24, 1024
HEADER: dict[str, Value] = {
    "general.architecture": (STRING, "llama"),
    "general.file_type": (U32, 2),
    "llama.context_length": (U32, 2048),
    "llama.block_count": (U32, LAYERS),
    "llama.embedding_length": (U32, WIDTH),
    "llama.feed_forward_length": (U32, 4096),
    "llama.attention.head_count": (U32, 16),
    "llama.attention.head_count_kv": (U32, 4),
}
EXPERTS: dict[str, Value] = {"llama.expert_count": (U32, 64), "llama.expert_used_count": (U32, 2)}
#: Longer than what is read of a file: what comes after it is not seen.
WORDS: dict[str, Value] = {"tokenizer.ggml.tokens": (ARRAY, (STRING, tuple(f"word{number}" for number in range(20_000))))}
CONFIG = json.dumps({"model_format": "gguf", "model_type": "4.0B", "file_type": "Q4_0"}).encode()
PADDING = bytes(1_000_000)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    folder = tmp_path_factory.mktemp("registry")
    bert = write_bert(folder / "bert.gguf", "mean").read_bytes()
    with running_registry(folder / "registry") as registry:
        registry.push("library/dense", "latest", {"model": gguf(HEADER | WORDS) + PADDING, "system": b"Be brief."}, CONFIG)
        registry.push("library/experts", "latest", {"model": gguf(HEADER | EXPERTS | WORDS) + PADDING}, CONFIG)
        registry.push("library/vectors", "latest", {"model": bert}, b"{}")
        registry.push("library/noise", "latest", {"model": b"no model" * 1000}, b"[[[[")
        registry.push("library/empty", "latest", {"system": b"Be brief."}, CONFIG)
        yield registry


def estimate(service: Service, docker: DockerRegistry, model: str, **fields: object) -> dict[str, object]:
    response = service.post("/api/hearth/estimate", {"model": f"{docker.host}/library/{model}", "insecure": True, **fields})
    return {"status": response.status_code, **response.json()}


def test_model_is_told_by_its_manifest_and_header(service: Service, docker: DockerRegistry) -> None:
    found = estimate(service, docker, "dense", context=99_999)
    size = len(gguf(HEADER | WORDS) + PADDING) + len(b"Be brief.") + len(CONFIG)
    assert (found["installed"], found["size"], found["download_bytes"]) == (False, size, size)
    assert (found["parameters"], found["quantization"]) == (4_000_000_000, "Q4_0")
    # The model was trained for no more than that.
    assert found["context"] == 2048
    keys_and_values = 2048 * LAYERS * 4 * 2 * (WIDTH // 16) * 2
    assert isinstance(found["memory_bytes"], int) and found["memory_bytes"] > size + keys_and_values
    assert estimate(service, docker, "dense", context=512)["memory_bytes"] < found["memory_bytes"]  # type: ignore[operator]


def test_nothing_of_it_is_kept(service: Service, docker: DockerRegistry) -> None:
    before = sorted((service.data / "models").rglob("*"))
    estimate(service, docker, "dense")
    assert sorted((service.data / "models").rglob("*")) == before


def test_mixture_of_experts_is_faster(service: Service, docker: DockerRegistry) -> None:
    dense, experts = estimate(service, docker, "dense"), estimate(service, docker, "experts")
    assert experts["tokens_per_second"] > dense["tokens_per_second"]  # type: ignore[operator]


def test_embedding_model_writes_nothing(service: Service, docker: DockerRegistry) -> None:
    assert estimate(service, docker, "vectors")["tokens_per_second"] is None


def test_noise_is_estimated_by_its_size(service: Service, docker: DockerRegistry) -> None:
    found = estimate(service, docker, "noise")
    assert found["status"] == 200
    assert found["size"] == 8000 + 4
    assert found["parameters"] > 1000  # type: ignore[operator]


def test_model_without_weights_is_an_error(service: Service, docker: DockerRegistry) -> None:
    found = estimate(service, docker, "empty")
    assert (found["status"], found["error"]) == (500, "the registry's model has no weights")


def test_model_that_is_not_there(service: Service, docker: DockerRegistry) -> None:
    found = estimate(service, docker, "absent")
    assert found["status"] == 404
    assert found["error"] == f"model '{docker.host}/library/absent' not found, neither here nor at its registry"


def test_pulled_model_has_nothing_left_to_download(service: Service, docker: DockerRegistry, tmp_path: Path) -> None:
    name = f"{docker.host}/library/vectors"
    service.post("/api/pull", {"model": name, "insecure": True, "stream": False}).raise_for_status()
    found = estimate(service, docker, "vectors")
    with service.client() as client:
        client.request("DELETE", "/api/delete", json={"model": name}).raise_for_status()
    assert (found["installed"], found["download_bytes"]) == (True, 0)
    assert estimate(service, docker, "vectors")["installed"] is False


def test_registry_that_cannot_be_reached_leaves_the_catalogue(service: Service, tmp_path: Path) -> None:
    with service.client() as client:
        client.get("/api/hearth/machine").raise_for_status()
    (tmp_path / "data").mkdir()
    shutil.copy(service.data / "machine.json", tmp_path / "data")
    # Nothing listens there.
    own = Service(tmp_path / "data", HTTPS_PROXY="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9").start()
    try:
        known = own.post("/api/hearth/estimate", {"model": "Qwen3:8b"}).json()
    finally:
        own.stop()
    assert (known["model"], known["installed"], known["quantization"]) == ("qwen3:8b", False, "Q4_K_M")
    assert known["download_bytes"] == 5_200_000_000 < known["memory_bytes"]
