"""`/api/pull` and `/api/push` of a real service with a real registry: by hand, and with the real `ollama` client."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import ollama
import psutil
import pytest

from tests.contract.service import MODEL, Service, lines_of, until
from tests.docker_registry import DockerRegistry, digest_of, random_bytes, running_registry

WEIGHTS = random_bytes(300_000)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        registry.push("library/small", "latest", {"model": WEIGHTS, "system": b"Be brief."}, b'{"model_format":"gguf"}')
        yield registry


@pytest.fixture
def name(docker: DockerRegistry, service: Service) -> Iterator[str]:
    """Of a model that is gone afterwards."""
    name = f"{docker.host}/library/small"
    yield name
    with service.client() as client:
        client.request("DELETE", "/api/delete", json={"model": name})


def test_stream_is_ollamas_line_by_line(service: Service, name: str) -> None:
    response = service.post("/api/pull", {"name": name, "insecure": True})

    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
    assert response.text.endswith("\n")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert lines[0] == {"status": "pulling manifest"}
    digest = digest_of(WEIGHTS)
    assert {"status": f"pulling {digest[7:19]}", "digest": digest, "total": 300_000, "completed": 300_000} in lines
    assert lines[-3:] == [{"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}]


def test_whole_answer_is_its_last_line(service: Service, name: str) -> None:
    response = service.post("/api/pull", {"model": name, "insecure": True, "stream": False})

    assert (response.status_code, response.json()) == (200, {"status": "success"})


def test_ollamas_client_pulls_and_lists(service: Service, name: str) -> None:
    client = ollama.Client(host=service.url)
    steps = list(client.pull(name, insecure=True, stream=True))
    listed = client.list().models
    client._client.close()

    assert [steps[0].status, steps[-1].status] == ["pulling manifest", "success"]
    (model,) = [model for model in listed if model.model == f"{name}:latest"]
    assert model.size == len(WEIGHTS) + len(b"Be brief.") + len(b'{"model_format":"gguf"}')


def test_ollamas_client_pushes_the_starter_model_and_pulls_it_back(service: Service, docker: DockerRegistry) -> None:
    client = ollama.Client(host=service.url)
    name = f"{docker.host}/people/smollm2:135m"
    client.copy(MODEL, name)
    before = {model.model: model.digest for model in client.list().models}

    pushed = list(client.push(name, insecure=True, stream=True))
    client.delete(name)
    pulled = client.pull(name, insecure=True)

    assert [pushed[0].status, *[step.status for step in pushed[-2:]]] == ["retrieving manifest", "pushing manifest", "success"]
    assert pulled.status == "success"
    assert {model.model: model.digest for model in client.list().models} == before
    assert before[name] == before[MODEL] == hashlib.sha256(docker.manifest("people/smollm2", "135m")).hexdigest()
    client.delete(name)
    client._client.close()


def test_push_of_an_unknown_model_is_refused(service: Service) -> None:
    response = service.post("/api/push", {"model": "nothing/at-all"})

    assert (response.status_code, response.json()["error"]) == (404, "model 'nothing/at-all' not found")


def test_unknown_model_is_told_as_ollama_tells_it(service: Service, docker: DockerRegistry) -> None:
    body = {"model": f"{docker.host}/library/nothing", "insecure": True}
    streamed = service.post("/api/pull", body)
    whole = service.post("/api/pull", {**body, "stream": False})

    told = {"error": "pull model manifest: file does not exist", "code": "not_in_registry"}
    assert streamed.status_code == 200
    assert [json.loads(line) for line in streamed.text.splitlines()] == [{"status": "pulling manifest"}, told]
    assert (whole.status_code, whole.json()) == (500, told)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid model name"),
        ({"model": "a b"}, "invalid model name"),
        ({"model": "http://127.0.0.1:1/library/x"}, "insecure protocol http"),
        ({"model": 1}, "model must be a string, not a whole number"),
    ],
)
def test_bad_request_is_refused_with_its_reason(service: Service, body: dict[str, object], error: str) -> None:
    response = service.post("/api/pull", body)

    assert (response.status_code, response.json()["error"]) == (400, error)


def fetches(service: Service) -> bool:
    """Whether a blob is being downloaded."""
    return any("-partial" in file.path for file in psutil.Process(service.process.pid).open_files())


@pytest.fixture
def slow_service(tmp_path: Path, service: Service) -> Iterator[Service]:
    """With a models folder of its own, into which 2 MB/s come."""
    slow = Service(tmp_path / "data", HEARTH_DOWNLOAD_LIMIT="2MB", OLLAMA_MODELS=str(tmp_path / "models")).start()
    yield slow
    assert slow.stop() == 0
    assert "Traceback" not in slow.log.read_text()


def test_pull_ends_with_the_last_client_that_waits_for_it(slow_service: Service, docker: DockerRegistry) -> None:
    docker.push("library/larger", "latest", {"model": random_bytes(4_000_000)})
    body = {"model": f"{docker.host}/library/larger", "insecure": True}
    with slow_service.client() as client:
        with client.stream("POST", "/api/pull", json=body) as staying:
            lines = lines_of(staying)
            with client.stream("POST", "/api/pull", json=body) as leaving:
                next(line for line in lines_of(leaving) if line.get("completed"))
            begun = next(line["completed"] for line in lines if line.get("completed"))
            # The one who stays is still served.
            assert next(line["completed"] for line in lines if line.get("completed", 0) > begun) < 4_000_000
            assert fetches(slow_service)
        until(lambda: not fetches(slow_service))
        assert [model["name"] for model in client.get("/api/tags").json()["models"]] == [MODEL]
        assert client.post("/api/pull", json={**body, "stream": False}).json() == {"status": "success"}


def test_stop_in_the_middle_tells_who_waits(slow_service: Service, docker: DockerRegistry) -> None:
    docker.push("library/larger", "latest", {"model": random_bytes(4_000_000)})
    with slow_service.client() as client:
        body = {"model": f"{docker.host}/library/larger", "insecure": True}
        with client.stream("POST", "/api/pull", json=body) as response:
            lines = lines_of(response)
            next(line for line in lines if "digest" in line)
            slow_service.stop()
            *_, last = lines

    assert last["code"] == "shutting_down"
