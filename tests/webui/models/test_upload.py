"""Uploading a model file piece by piece, against a real runtime: what it takes, what it refuses, and who may."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.contract.service import Service
from tests.factories import make_user
from tests.inference.tiny_models import write_llama
from tests.site import wait_until
from webui.models import User
from webui.services.jobs import act_on_job, list_jobs
from webui.services.uploads import PIECE_BYTES, Upload, discard_upload, list_uploads

CONTENT = b"GGUF" + os.urandom(100_000)


@pytest.fixture
def runtime(service: Service, administrator: User) -> Iterator[Service]:
    """A real one, of which nothing is left that a test uploads."""
    yield service
    for job in list_jobs().jobs:
        act_on_job(job.id, "dismiss")
    for upload in list_uploads():
        discard_upload(upload.id)


def begin(client: Client, **fields: Any) -> dict[str, Any]:
    response = client.post("/models/uploads/", {"name": "a.gguf", "size": len(CONTENT), **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def send(client: Client, upload: dict[str, Any], content: bytes, offset: object = 0, **headers: str) -> Any:
    return client.generic(
        "PATCH", upload["url"], content, "application/octet-stream", headers={"Upload-Offset": str(offset), **headers}
    )


def finish(client: Client, upload: dict[str, Any], model: str) -> Any:
    return client.post(f"{upload['url']}finish/", {"model": model}, headers={"Accept": "application/json"})


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("SmolLM2-135M-Instruct-Q4_1.gguf", "smollm2-135m-instruct:q4_1"),
        ("qwen3.F16.GGUF", "qwen3:f16"),
        ("我的模型.gguf", "model"),
        ("<img src=x>.gguf", "img-src-x"),
        ("a-00001-of-00003.gguf", "a-00001-of-00003"),
    ],
)
def test_name_is_suggested_from_the_file(name: str, suggested: str) -> None:
    assert Upload("a", name, 1, 0).suggested_name == suggested


def test_upload_goes_on_where_it_stopped(client: Client, runtime: Service) -> None:
    upload = begin(client)
    first = send(client, upload, CONTENT[:60_000])
    again = begin(client)

    assert (first.status_code, first.json()["offset"]) == (200, 60_000)
    assert (again["id"], again["offset"]) == (upload["id"], 60_000)
    assert send(client, upload, CONTENT[60_000:], 60_000).json()["offset"] == len(CONTENT)
    assert client.get(upload["url"]).json()["offset"] == len(CONTENT)


def test_piece_that_does_not_follow_is_told_where_to_go_on(client: Client, runtime: Service) -> None:
    upload = begin(client)
    send(client, upload, CONTENT[:1000])

    response = send(client, upload, CONTENT[5000:6000], 5000)
    assert (response.status_code, response.json()["offset"]) == (409, 1000)


def test_file_that_is_no_model_is_refused_from_its_first_piece(client: Client, runtime: Service) -> None:
    upload = begin(client)
    response = send(client, upload, b"MZ" + CONTENT)

    assert (response.status_code, "not a GGUF file" in response.json()["error"]) == (422, True)
    assert list_uploads() == []


@pytest.mark.parametrize("offset", ["", "-1", "x", "1e3", "9" * 30])
def test_piece_without_a_place_is_refused(client: Client, runtime: Service, offset: str) -> None:
    upload = begin(client)
    assert send(client, upload, CONTENT, offset).status_code == 400
    assert client.get(upload["url"]).json()["offset"] == 0


def test_piece_that_is_too_large_is_refused(client: Client, runtime: Service) -> None:
    upload = begin(client, size=PIECE_BYTES * 2)
    assert send(client, upload, b"GGUF" + bytes(PIECE_BYTES)).status_code == 413
    assert client.get(upload["url"]).json()["offset"] == 0


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"size": 0}, {"size": "x"}, {"size": 2**60}, {"digest": "abc"}, {"name": "x" * 300}]
)
def test_file_that_cannot_be_is_refused(client: Client, runtime: Service, fields: dict[str, Any]) -> None:
    response = client.post("/models/uploads/", {"name": "a.gguf", "size": 5, **fields})
    assert (response.status_code, bool(response.json()["error"])) == (422, True)
    assert list_uploads() == []


def test_upload_that_is_not_there_is_404(client: Client, runtime: Service) -> None:
    for path in ("/models/uploads/0123456789abcdef/", "/models/uploads/nothing/"):
        assert send(client, {"url": path}, CONTENT).status_code == 404
        assert "no longer there" in client.get(path).json()["error"]


def test_complete_file_becomes_a_job_and_its_checksum_is_checked(client: Client, runtime: Service) -> None:
    wrong = hashlib.sha256(b"other").hexdigest().upper()
    upload = begin(client, digest=wrong)
    send(client, upload, CONTENT)

    assert finish(client, upload, "smollm2:135m").json()["error"].startswith("A model called")
    assert "not the name" in finish(client, upload, "a b").json()["error"]
    assert finish(client, upload, "mine").status_code == 201
    wait_until(lambda: all(job.is_over for job in list_jobs().jobs), "the end of the import")
    job = list_jobs().jobs[0]
    assert (job.kind, job.model, job.status) == ("import", "mine", "failed")
    assert "thrown away" in job.reason
    assert hashlib.sha256(CONTENT).hexdigest() in job.reason


def test_sha256_of_what_arrived_is_shown(client: Client, runtime: Service, tmp_path: Path) -> None:
    content = write_llama(tmp_path / "small.gguf", None).read_bytes()
    upload = begin(client, size=len(content))
    send(client, upload, content)
    finish(client, upload, "mine")
    wait_until(lambda: all(job.is_over for job in list_jobs().jobs), "the end of the import")

    page = BeautifulSoup(client.get("/models/jobs/").content, "html.parser")
    assert page.select_one(".job .job-digest code").get_text() == hashlib.sha256(content).hexdigest()


def test_unfinished_uploads_are_listed_and_thrown_away_after_asking(client: Client, runtime: Service) -> None:
    upload = begin(client, name='<b>".gguf')
    send(client, upload, CONTENT[:50_000])
    page = BeautifulSoup(client.get("/models/add/upload/").content, "html.parser")

    row = page.select_one(f"[data-upload='{upload['id']}']")
    assert "50 kB of 100 kB" in row.get_text(" ", strip=True)
    assert (row.select("b"), "<b>" in row.select_one(".upload-name").get_text()) == ([], True)
    assert "Throw away this upload?" in client.get(f"{upload['url']}discard/").text
    assert len(list_uploads()) == 1
    assert client.post(f"{upload['url']}discard/")["Location"] == "/models/add/upload/"
    assert list_uploads() == []


def test_pieces_want_a_token(administrator: User, client: Client, runtime: Service) -> None:
    upload = begin(client)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(administrator)
    assert send(strict, upload, CONTENT).status_code == 403
    assert client.get(upload["url"]).json()["offset"] == 0


def test_uploads_are_not_there_for_a_member(client: Client, runtime: Service) -> None:
    upload = begin(client)
    member = Client()
    member.force_login(make_user())
    url = upload["url"]

    answers = [
        member.get("/models/add/upload/"),
        member.post("/models/uploads/", {"name": "a.gguf", "size": 5}),
        member.get(url),
        send(member, upload, CONTENT),
        finish(member, upload, "mine"),
        member.post(f"{url}discard/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert [kept.offset for kept in list_uploads()] == [0]


def test_runtime_that_is_away_is_no_reason_to_give_up(client: Client, administrator: User, settings: Any) -> None:
    settings.INFERENCE_URL = "http://127.0.0.1:9"
    response = send(client, {"url": "/models/uploads/a1/"}, CONTENT)

    assert response.status_code == 424
    assert "does not answer" in json.loads(response.content)["error"]
