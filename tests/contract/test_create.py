"""`/api/create` and `/api/blobs` with the real client, and what strangers may send."""

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest

from tests.contract.service import MODEL, Service, until
from tests.inference.library.files import gguf
from tests.inference.runner.llama.test_options import write_adapter, write_split
from tests.inference.tiny_models import write_llama

PROMPT = {"prompt": "one two three", "raw": True, "stream": False, "options": {"num_predict": 4, "temperature": 0}}


@pytest.fixture
def client(service: Service) -> Iterator[ollama.Client]:
    client = ollama.Client(host=service.url)
    before = {model.model for model in client.list().models}
    yield client
    for model in client.list().models:
        if model.model not in before:
            client.delete(str(model.model))
    client._client.close()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def statuses(service: Service, body: dict[str, Any]) -> list[str]:
    lines = [json.loads(line) for line in service.post("/api/create", body).text.splitlines()]
    return [line.get("status") or line["error"] for line in lines]


def blobs(service: Service) -> set[str]:
    return {path.name for path in (service.data / "models" / "blobs").iterdir()}


def test_model_from_another_with_texts_and_parameters(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    created = client.create(
        "Mario", from_=MODEL, system="You are Mario.", parameters={"temperature": 0.2}, messages=messages, license="Mine"
    )
    again = client.create("mario", from_="Mario", parameters={"num_ctx": 512})
    shown = client.show("mario")
    response = client.chat(
        "mario", messages=[{"role": "user", "content": "Who?"}], options={"num_predict": 2, "ignore_eos": True}
    )

    assert created.status == again.status == "success"
    assert shown.parameters is not None
    assert shown.parameters.split("\n") == [
        'stop                           "<|im_start|>"',
        'stop                           "<|im_end|>"',
        "temperature                    0.2",
        "num_ctx                        512",
    ]
    assert shown.modelfile is not None
    assert "\nSYSTEM You are Mario.\n" in shown.modelfile
    assert "\nMESSAGE assistant ho\n" in shown.modelfile
    assert shown.license is not None
    assert shown.license.endswith("\nMine")
    assert client.list().models[0].model == "Mario:latest"
    assert response.eval_count == 2


def test_what_is_emptied_goes(service: Service, client: ollama.Client) -> None:
    client.create("full", from_=MODEL, system="S", parameters={"top_k": 3}, messages=[{"role": "user", "content": "hi"}])

    body = {"model": "empty", "from": "full", "system": "", "messages": [], "parameters": {"top_k": None, "stop": None}}
    assert statuses(service, body)[-1] == "success"

    shown = service.post("/api/show", {"model": "empty"}).json()
    assert not {"system", "messages", "parameters"} & set(shown)


def test_model_from_an_uploaded_file(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf", None)
    digest = client.create_blob(path)

    lines = [line.status for line in client.create("tiny", files={"tiny.gguf": digest}, stream=True)]

    assert digest == digest_of(path.read_bytes())
    assert lines == ["parsing GGUF", f"using existing layer {digest}", "writing manifest", "success"]
    details = client.show("tiny").details
    assert details is not None
    assert (details.family, details.format) == ("llama", "gguf")
    assert client.generate("tiny", **PROMPT).response != ""
    assert client.create_blob(path) == digest


def test_split_files_become_one_model_that_runs(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    whole = write_llama(tmp_path / "tiny.gguf", None)
    parts = write_split(whole, tmp_path)
    client.create("whole", files={"tiny.gguf": client.create_blob(whole)})

    client.create("parts", files={path.name: client.create_blob(path) for path in parts})

    assert client.generate("parts", **PROMPT).response == client.generate("whole", **PROMPT).response
    assert client.show("parts").modelinfo == client.show("whole").modelinfo
    # The parts are not kept beside what they became.
    assert not {digest_of(path.read_bytes()).replace(":", "-") for path in parts} & blobs(service)


def test_part_that_is_missing_is_named(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    parts = write_split(write_llama(tmp_path / "tiny.gguf", None), tmp_path)
    digest = client.create_blob(parts[1])

    assert statuses(service, {"model": "x", "files": {parts[1].name: digest}}) == ["part 1 of 2 of model.gguf is missing"]


def test_adapter_changes_the_answer(client: ollama.Client, tmp_path: Path) -> None:
    model, adapter = write_llama(tmp_path / "tiny.gguf", None), write_adapter(tmp_path / "adapter.gguf")
    client.create("plain", files={"tiny.gguf": client.create_blob(model)})
    client.create("adapted", from_="plain", adapters={"adapter.gguf": client.create_blob(adapter)})

    def vector(name: str) -> list[float]:
        return list(client.embed(name, "one two three").embeddings[0])

    assert vector("adapted") != pytest.approx(vector("plain"), abs=1e-3)
    modelfile = client.show("adapted").modelfile
    assert modelfile is not None
    assert "\nADAPTER " in modelfile


def test_quantized_model_is_smaller_and_runs(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    client.create("tiny", files={"tiny.gguf": client.create_blob(write_llama(tmp_path / "tiny.gguf", None))})

    lines = statuses(service, {"model": "small", "from": "tiny", "quantize": "q8_0"})

    assert "verifying conversion" in lines
    assert any(line.startswith("quantizing ") for line in lines)
    assert lines[-1] == "success"
    sizes = {model.model: model.size for model in client.list().models}
    assert (sizes["small:latest"] or 0) < (sizes["tiny:latest"] or 0)
    assert client.generate("small", **PROMPT).response != ""


def test_not_streamed(service: Service, client: ollama.Client) -> None:
    response = service.post("/api/create", {"name": "x", "from": MODEL, "stream": False})
    assert (response.status_code, response.json()) == (200, {"status": "success"})


FOREIGN = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "invalid model name"),
        ({"model": "../x", "from": MODEL}, 400, "invalid model name"),
        ({"model": "x", "from": "a b"}, 400, "invalid model name"),
        ({"model": "x"}, 400, "neither 'from' or 'files' was specified"),
        ({"model": "x", "files": {"../a": FOREIGN}}, 400, "file path must be relative"),
        ({"model": "x", "files": {"/a": FOREIGN}}, 400, "file path must be relative"),
        ({"model": "x", "files": {"a\0": FOREIGN}}, 400, "file path must be relative"),
        ({"model": "x", "files": {"a\nb": FOREIGN}}, 400, "file path must be relative"),
        ({"model": "x", "files": {"": FOREIGN}}, 400, "file path must be relative"),
        ({"model": "x", "files": {"a": "sha256:xyz"}}, 400, "invalid digest format"),
        ({"model": "x", "files": {"a": "../../etc/passwd"}}, 400, "invalid digest format"),
        ({"model": "x", "files": {"a": FOREIGN}}, 400, f"blob {FOREIGN} was not found"),
        ({"model": "x", "files": {"a": 3}}, 400, "files"),
        ({"model": "x", "files": []}, 400, "files must be an object, not an array"),
        ({"model": "x", "from": MODEL, "adapters": {"a": FOREIGN, "b": FOREIGN}}, 400, "only one adapter"),
        ({"model": "x", "from": MODEL, "parameters": {"nonsense": 1}}, 400, "unknown parameter 'nonsense'"),
        ({"model": "x", "from": MODEL, "parameters": {"top_k": "3"}}, 400, 'option "top_k" must be of type integer'),
        ({"model": "x", "from": MODEL, "parameters": {"stop": [1]}}, 400, 'option "stop" must be of an array of strings'),
        ({"model": "x", "from": MODEL, "messages": [{"role": "x", "content": ""}]}, 400, "messages[0].role must be one of"),
        ({"model": "x", "from": MODEL, "messages": [{"role": "user", "content": []}]}, 400, "messages[0].content must be a"),
        ({"model": "x", "from": MODEL, "template": "{{ if }}"}, 400, "template error: "),
        ({"model": "x", "from": MODEL, "license": "a" * 10_000_000}, 400, "a text of a model may have at most 4 MiB"),
        ({"model": "x", "from": MODEL, "quantize": "Q9"}, 400, 'unsupported quantization type "Q9"'),
        ({"model": "x", "from": MODEL, "quantize": "Q8_0"}, 400, "quantization is only supported for F16, BF16 and F32"),
    ],
)
def test_refusals_have_their_status(service: Service, body: dict[str, Any], status: int, error: str) -> None:
    before = blobs(service)

    response = service.post("/api/create", body)

    assert (response.status_code, response.json()["error"][: len(error)]) == (status, error)
    assert blobs(service) == before


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "supplied file was not in GGUF format"),
        (b"no model at all", "supplied file was not in GGUF format"),
        (gguf({}, tensors={}), "the supplied GGUF file does not say"),
        (gguf(), "the supplied file is cut short"),
        (b"GGUF" + bytes([255] * 60), "supplied file was not in GGUF format"),
    ],
)
def test_file_that_is_no_model(service: Service, content: bytes, error: str) -> None:
    with service.client() as client:
        client.post(f"/api/blobs/{digest_of(content)}", content=content)
        response = client.post("/api/create", json={"model": "x", "files": {"a.gguf": digest_of(content)}})
    assert (response.status_code, response.json()["error"][: len(error)]) == (400, error)


def test_blob_is_found_once_it_is_there(service: Service) -> None:
    content = b"some content" * 200_000
    path = f"/api/blobs/{digest_of(content)}"
    with service.client() as client:
        codes = [client.head(path).status_code]
        codes += [client.post(path, content=iter([content[:1000], content[1000:]])).status_code]
        codes += [client.head(path).status_code, client.post(path, content=content).status_code]
    assert codes == [404, 201, 200, 200]


def test_blob_that_is_not_what_it_was_called(service: Service) -> None:
    before = blobs(service)
    with service.client() as client:
        response = client.post(f"/api/blobs/{FOREIGN}", content=b"hello")
        invalid = client.post("/api/blobs/sha256:..%2f..%2fetc", content=b"hello")
        missing = client.head("/api/blobs/nonsense")

    error = f'digest mismatch, expected "{FOREIGN}", got "{digest_of(b"hello")}"'
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert invalid.status_code in (400, 404)
    assert missing.status_code == 400
    assert blobs(service) == before


def test_upload_of_more_than_the_disk_has_is_refused_at_once(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        head = f"POST /api/blobs/{FOREIGN} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {10**16}\r\n\r\n"
        connection.sendall(head.encode() + b"abc")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 507 ")
    assert b"not enough disk space" in answer


def test_client_that_goes_away_leaves_nothing(service: Service) -> None:
    before = blobs(service)
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        head = f"POST /api/blobs/{FOREIGN} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + bytes(2_000_000))
        until(lambda: blobs(service) != before)
    until(lambda: blobs(service) == before)


def test_template_of_the_file_itself_is_not_attached(service: Service, client: ollama.Client) -> None:
    template = service.post("/api/show", {"model": MODEL}).json()["template"]
    assert "{%" in template

    assert statuses(service, {"model": "same", "from": MODEL, "template": template})[-1] == "success"

    listed = {model.model: model.digest for model in client.list().models}
    assert listed["same:latest"] == listed[MODEL]
