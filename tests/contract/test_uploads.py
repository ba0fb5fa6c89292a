"""Uploads over HTTP: hostile ones, interrupted ones, and one that becomes a model."""

import hashlib
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inference.library.starter import find_starter_file
from tests.contract.service import Service, until
from tests.contract.test_jobs import JOBS, ended
from tests.inference.tiny_models import write_llama

UPLOADS = "/api/hearth/uploads"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("upload") / "tiny.gguf", None).read_bytes()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client
        for upload in client.get(UPLOADS).json()["uploads"]:
            client.delete(f"{UPLOADS}/{upload['id']}")


def begin(client: httpx.Client, size: int, name: str = "tiny.gguf", **fields: str) -> dict[str, Any]:
    answer = client.post(UPLOADS, json={"name": name, "size": size, **fields})
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def send(client: httpx.Client, upload: dict[str, Any], offset: int | str, content: bytes) -> httpx.Response:
    return client.patch(f"{UPLOADS}/{upload['id']}", content=content, headers={"upload-offset": str(offset)})


def finish(client: httpx.Client, upload: dict[str, Any], model: str) -> httpx.Response:
    return client.post(f"{UPLOADS}/{upload['id']}/finish", json={"model": model})


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "name is required"),
        ({"name": "x.gguf"}, 400, "size must be"),
        ({"name": "x.gguf", "size": -1}, 400, "size must be"),
        ({"name": "x.gguf", "size": 2**63}, 400, "size must be"),
        ({"name": "x.gguf", "size": "5"}, 400, "size must be a whole number"),
        ({"name": "x.gguf", "size": 5, "digest": "md5:0"}, 400, "digest must be"),
        ({"name": "x.gguf", "size": 2**44}, 507, "not enough disk space"),
    ],
)
def test_upload_that_cannot_be_is_refused(client: httpx.Client, body: object, status: int, error: str) -> None:
    answer = client.post(UPLOADS, json=body)
    assert (answer.status_code, error in answer.json()["error"]) == (status, True), answer.text
    assert client.get(UPLOADS).json() == {"uploads": []}


@pytest.mark.parametrize("upload_id", ["0123456789abcdef", "x", "..%2f..%2fjobs%2fx", "%00", "A" * 300])
def test_unknown_upload_is_not_found(client: httpx.Client, upload_id: str) -> None:
    path = f"{UPLOADS}/{upload_id}"
    answers = [client.get(path), client.delete(path), client.patch(path, content=b"GGUF", headers={"upload-offset": "0"})]
    answers.append(client.post(f"{path}/finish", json={"model": "m"}))
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("content", [b"PK\x03\x04 no model", b"G", b"GGU", b"\x00" * 100, b"gguf"])
def test_file_that_is_no_gguf_is_refused_at_once(client: httpx.Client, content: bytes) -> None:
    upload = begin(client, 100)
    answers = [send(client, upload, 0, content)]
    if answers[0].status_code == 200:
        answers.append(send(client, upload, len(content), b"???"))
    assert (answers[-1].status_code, answers[-1].json()["error"]) == (400, "the file is not in GGUF format")


@pytest.mark.parametrize("offset", ["", "x", "-1", "1.5", "9" * 30, "0x0"])
def test_offset_that_is_no_number_is_refused(client: httpx.Client, offset: str) -> None:
    answer = send(client, begin(client, 100), offset, b"GGUF")
    assert (answer.status_code, "Upload-Offset" in answer.json()["error"]) == (400, True)


def test_offset_that_does_not_fit_names_the_one_that_does(client: httpx.Client, model: bytes) -> None:
    upload = begin(client, len(model))
    send(client, upload, 0, model[:1000])
    for offset in (0, 999, 1001):
        answer = send(client, upload, offset, model[offset : offset + 10])
        assert (answer.status_code, answer.json()["offset"], answer.json()["code"]) == (409, 1000, "offset_mismatch")
    unfinished = finish(client, upload, "uploads-early")
    assert (unfinished.status_code, unfinished.json()["offset"]) == (409, 1000)


def test_more_than_was_announced_is_refused(client: httpx.Client) -> None:
    upload = begin(client, 10)
    answer = send(client, upload, 0, b"GGUF and more")
    assert (answer.status_code, "10 bytes" in answer.json()["error"]) == (400, True)
    assert client.get(f"{UPLOADS}/{upload['id']}").json()["offset"] == 0


def test_piece_that_is_too_large_is_refused(client: httpx.Client) -> None:
    upload = begin(client, 40 * MIB)
    announced = send(client, upload, 0, b"GGUF" + bytes(16 * MIB))

    def chunks() -> Iterator[bytes]:
        yield b"GGUF"
        for _ in range(17):
            yield bytes(MIB)

    headers = {"upload-offset": "0"}
    unannounced = client.patch(f"{UPLOADS}/{upload['id']}", content=chunks(), headers=headers)
    assert (announced.status_code, unannounced.status_code) == (413, 413)
    assert client.get(f"{UPLOADS}/{upload['id']}").json()["offset"] <= 16 * MIB


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd.gguf"),
        ("C:\\models\\Qwen 3.gguf", "Qwen 3.gguf"),
        (".hidden", "hidden.gguf"),
        ("a\u202egpj\x1b[31m\n.gguf", "agpj[31m.gguf"),
        ("模型.gguf", "模型.gguf"),
        ("/", "model.gguf"),
        ("x" * 5000, "x" * 120 + ".gguf"),
    ],
)
def test_hostile_name_is_made_harmless(client: httpx.Client, service: Service, name: str, kept: str) -> None:
    upload = begin(client, 10, name)
    assert upload["name"] == kept
    assert {path.name for path in (service.data / "uploads").iterdir()} == {f"{upload['id']}.json"}


def test_uploaded_file_becomes_a_model(client: httpx.Client, service: Service, model: bytes) -> None:
    digest = f"sha256:{hashlib.sha256(model).hexdigest()}"
    upload = begin(client, len(model), digest=digest)
    half = len(model) // 2
    first = send(client, upload, 0, model[:half])
    same = begin(client, len(model), digest=digest)
    second = send(client, upload, half, model[half:])
    answer = finish(client, upload, "uploads-tiny")
    job = ended(client, answer.json())
    shown = client.post("/api/show", json={"model": "uploads-tiny"}).json()
    client.request("DELETE", "/api/delete", json={"model": "uploads-tiny"})
    client.delete(f"{JOBS}/{job['id']}")

    assert (first.json()["offset"], same["id"], same["offset"]) == (half, upload["id"], half)
    assert (second.json()["offset"], answer.status_code) == (len(model), 201)
    assert (job["kind"], job["status"], job["error"]) == ("import", "succeeded", "")
    assert shown["details"]["family"] == "llama"
    assert list((service.data / "uploads").iterdir()) == []
    assert not (service.data / "models" / "blobs" / digest.replace(":", "-")).exists()


def test_file_that_came_broken_is_no_model(client: httpx.Client, service: Service, model: bytes) -> None:
    upload = begin(client, len(model), digest=f"sha256:{'0' * 64}")
    send(client, upload, 0, model)
    job = ended(client, finish(client, upload, "uploads-broken").json())
    assert (job["status"], job["code"]) == ("failed", "digest_mismatch")
    assert "upload it again" in job["error"] and str(service.data) not in job["error"]
    assert client.post("/api/show", json={"model": "uploads-broken"}).status_code == 404
    assert client.get(UPLOADS).json() == {"uploads": []}


def test_file_with_nothing_but_a_beginning_is_no_model(client: httpx.Client, service: Service) -> None:
    upload = begin(client, 100)
    send(client, upload, 0, b"GGUF" + bytes(96))
    job = ended(client, finish(client, upload, "uploads-empty").json())
    assert job["status"] == "failed" and "GGUF" in job["error"] and str(service.data) not in job["error"]
    client.post(f"{JOBS}/{job['id']}/retry")
    assert ended(client, {**job, "status": "running"})["status"] == "failed"


def test_what_came_before_the_connection_broke_is_kept(client: httpx.Client, service: Service, model: bytes) -> None:
    upload = begin(client, len(model))
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        head = f"PATCH {UPLOADS}/{upload['id']} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 0\r\n"
        connection.sendall(f"{head}Content-Length: {len(model)}\r\n\r\n".encode() + model[:50_000])
        # Another connection goes on while the first one is still open, as after a reload.
        offset = until(lambda: send(client, upload, 0, b"").json().get("offset"))
        assert 0 < offset <= 50_000
        assert send(client, upload, offset, model[offset:]).status_code == 200
    (path,) = (service.data / "uploads").glob("*.part")
    assert path.read_bytes() == model


def test_upload_goes_on_after_the_service_was_killed(own_service: Service) -> None:
    starter = find_starter_file()
    assert starter is not None
    content = starter.read_bytes()
    own = own_service.start()
    with own.client() as client:
        upload = begin(client, len(content), "starter.gguf", digest=f"sha256:{hashlib.sha256(content).hexdigest()}")
        send(client, upload, 0, content[: 8 * MIB])
        with socket.create_connection(("127.0.0.1", own.port)) as connection:
            head = f"PATCH {UPLOADS}/{upload['id']} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: {8 * MIB}\r\n"
            connection.sendall(f"{head}Content-Length: {8 * MIB}\r\n\r\n".encode() + content[8 * MIB : 11 * MIB])
            part = own.data / "uploads" / f"{upload['id']}.part"
            until(lambda: part.stat().st_size > 9 * MIB)
            own.process.kill()
            own.process.wait(10)

    own.start()
    with own.client() as client:
        again = begin(client, len(content), "starter.gguf", digest=upload["digest"])
        offset = again["offset"]
        assert again["id"] == upload["id"] and 9 * MIB < offset <= 11 * MIB
        assert part.read_bytes() == content[:offset]
        while offset < len(content):
            offset = send(client, upload, offset, content[offset : offset + 16 * MIB]).json()["offset"]
        job = finish(client, upload, "uploads-killed").json()
        # Killed again, now in the middle of the import.
        own.process.kill()
        own.process.wait(10)
    own.start()
    with own.client() as client:
        assert ended(client, {**job, "status": "running"})["status"] == "succeeded"
        answer = client.post("/api/generate", json={"model": "uploads-killed", "prompt": "Hi", "options": {"num_predict": 2}})
        assert answer.status_code == 200 and answer.text.count('"done":true') == 1
        client.request("DELETE", "/api/delete", json={"model": "uploads-killed"})
    assert list((own.data / "uploads").iterdir()) == []
    assert own.stop() == 0
    assert "Traceback" not in own.log.read_text()
