"""Logins of private registries in the browser: against a real runtime and a real registry, and what is said when it fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import translation

from tests.contract.service import Service
from tests.docker_registry import DockerRegistry, running_registry
from tests.factories import make_user
from tests.inference.library.registry.test_sign_in import HTPASSWD
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.models import User
from webui.services.errors import failure_from_code

PATH = "/models/registries/"
KEPT = {"registries": [{"registry": "registry.example.org", "username": "", "insecure": False}], "key": "ssh-ed25519 AAAA"}


@pytest.fixture
def private(tmp_path: Path) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path / "registry", HTPASSWD) as registry:
        yield registry


def text_of(response: Any) -> str:
    return " ".join(BeautifulSoup(response.content, "html.parser").get_text(" ").split())


def test_administrator_signs_in_and_out(client: Client, administrator: User, service: Service, private: DockerRegistry) -> None:
    login = {"registry": f"http://{private.host}/team/model", "username": "ann", "password": "secret\n", "insecure": "on"}

    refused = client.post(PATH, {**login, "password": "guess"})
    assert (refused.status_code, f"{private.host} does not accept this user name and password." in text_of(refused)) == (
        422,
        True,
    )
    assert "guess" not in refused.text

    assert client.post(PATH, login)["Location"] == PATH
    page = client.get(PATH)
    assert f"{private.host} no certificate as ann" in text_of(page)
    assert ("secret" in page.text, "ssh-ed25519 " in page.text, page["Cache-Control"]) == (
        False,
        True,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    assert (service.data / "registries.json").stat().st_mode & 0o777 == 0o600

    leaving = f"{PATH}{private.host}/sign-out/"
    assert f"Sign out of {private.host}?" in text_of(client.get(leaving))
    assert "secret" in (service.data / "registries.json").read_text()
    assert client.post(leaving)["Location"] == PATH
    assert "secret" not in (service.data / "registries.json").read_text()
    assert client.get(leaving).status_code == 404
    assert f"No login is kept for {private.host}." in text_of(client.post(leaving, follow=True))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"registry": "a b", "password": "x"}, "This is not a host name."),
        ({"registry": "../../etc", "password": "x"}, "This is not a host name."),
        ({"registry": "", "password": "x"}, "This field is required."),
        ({"registry": "registry.example.org", "password": "\n"}, "This field is required."),
        ({"registry": "registry.example.org", "password": "x" * 9000}, "at most 8192 characters"),
    ],
)
def test_bad_login_never_reaches_the_runtime(
    client: Client, administrator: User, runtime: HTTPRuntime, fields: dict[str, str], sentence: str
) -> None:
    runtime.answers["GET /api/hearth/registries"] = KEPT
    response = client.post(PATH, fields)

    assert (response.status_code, sentence in text_of(response)) == (422, True)
    assert runtime.bodies("POST /api/hearth/registries") == []


def test_registry_that_cannot_be_asked_is_no_wrong_password(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    detail = "max retries exceeded: the registry cannot be reached ([Errno -2] Name or service not known)"
    failure = {"error": detail, "code": "registry_error"}
    runtime.answers |= {"GET /api/hearth/registries": KEPT, "POST /api/hearth/registries": Answer(failure, 500)}

    said = text_of(client.post(PATH, {"registry": "registry.example.org", "password": "a token nobody may see"}))
    assert "The registry could not be used: there is no such address" in said
    assert ("a token nobody may see" in said, "with a token" in said) == (False, True)


def test_hostile_answer_of_the_runtime_is_text(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    hostile = {"registries": [{"registry": "<img src=x>", "username": "<b>", "insecure": "yes"}, 7, {}], "key": 5}
    runtime.answers["GET /api/hearth/registries"] = hostile

    page = BeautifulSoup(client.get(PATH).content, "html.parser")
    assert (page.select(".logins img, .logins b"), len(page.select(".logins li"))) == ([], 1)


def test_runtime_without_registries_and_one_that_is_away_say_so(
    client: Client, administrator: User, runtime: HTTPRuntime, settings: Any
) -> None:
    assert "ollama pull" in text_of(client.get(PATH))
    settings.INFERENCE_URL = "http://127.0.0.1:9"
    assert "does not answer" in text_of(client.get(PATH))


def test_logins_are_not_there_for_a_member(runtime: HTTPRuntime, db: None) -> None:
    member = Client()
    member.force_login(make_user())
    runtime.answers["GET /api/hearth/registries"] = KEPT
    runtime.requests.clear()

    answers = [
        member.get(PATH),
        member.post(PATH, {"registry": "registry.example.org", "password": "x"}),
        member.get(f"{PATH}registry.example.org/sign-out/"),
        member.post(f"{PATH}registry.example.org/sign-out/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert runtime.requests == []


def test_refused_download_leads_to_the_login(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    refusal = {"error": "access denied by registry.example.org: it asks for a user name and password", "code": "registry_refused"}
    job = {"id": "a1", "kind": "pull", "model": "Registry.example.org:5000/team/tutor:1", "status": "failed", **refusal}
    runtime.answers |= {"GET /api/hearth/jobs": {"jobs": [job]}, "POST /api/hearth/estimate": Answer(refusal, 500)}
    link = f"{PATH}?registry=registry.example.org%3A5000"

    for path in ("/models/jobs/", f"/models/add/estimate/?model={job['model']}"):
        page = BeautifulSoup(client.get(path).content, "html.parser")
        found = page.select_one(f"a[href='{link}']")
        assert found is not None, path
        assert found.get_text() == "Sign in to registry.example.org:5000"
    runtime.answers["GET /api/hearth/registries"] = KEPT
    assert 'value="registry.example.org:5000"' in client.get(link).text


@pytest.mark.parametrize(
    ("code", "detail", "english", "chinese"),
    [
        ("registry_error", "Max retries exceeded: the registry answers 503 Service Unavailable.", "error 503", "错误 503"),
        ("registry_error", "the registry cannot be reached ([Errno 111] Connection refused)", "nothing answers", "没有响应"),
        ("not_enough_disk", "Not enough disk space: m needs 4.1 GB more, and 250 MB are free", "4.1 GB", "需要 4.1 GB"),
        ("not_enough_disk", "The file has 4.1 GB, and 250 MB are free: delete models", "4.1 GB are needed", "可用 250 MB"),
        ("model_too_large", "M needs 9.0 GB of memory with a context of 2048 tokens, and 4.0 GB are free: x", "2048", "2048"),
        ("digest_mismatch", f"The file did not arrive: its sha256 is {'a' * 64}; upload it again.", "a" * 64, "a" * 64),
        ("invalid_request", "The supplied file is cut short by 12 bytes.", "cut short", "不完整"),
    ],
)  # fmt: skip
def test_known_cause_is_told_in_the_reader_s_language(code: str, detail: str, english: str, chinese: str) -> None:
    with translation.override("en"):
        assert english in failure_from_code(code, detail, "m").sentence
    with translation.override("zh-hans"):
        said = failure_from_code(code, detail, "m").sentence
    assert chinese in said
    assert not any(word in said for word in ("needs", "registry", "supplied", "arrive"))


def test_unknown_cause_is_shown_as_it_came() -> None:
    assert failure_from_code("registry_error", "100% %(x)s odd", "m").sentence.endswith("100% %(x)s odd")
