"""A model of one's own by the form and as a Modelfile, and the page of files on the server."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.factories import make_administrator, make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.enums import Audience
from webui.models import ModelAccess, User
from webui.services.model_access import set_audience
from webui.services.model_names import model_key
from webui.services.modelfiles import ModelfileRefused, creation_of

BASE = "smollm2:135m"
FORM = {"behaviour-model": "teacher", "behaviour-base": BASE}
JOB = {"id": "a1", "kind": "create", "model": "teacher", "status": "queued"}


@pytest.fixture
def runtime(runtime: HTTPRuntime) -> HTTPRuntime:
    runtime.answers |= {"GET /api/hearth/jobs": {"jobs": []}, "POST /api/hearth/jobs": Answer(JOB, 201)}
    return runtime


def asked(runtime: HTTPRuntime) -> list[Any]:
    return runtime.bodies("POST /api/hearth/jobs")


def test_form_makes_a_job(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    fields = {
        "behaviour-system": "Be kind.",
        "behaviour-temperature": "0.2",
        "behaviour-stop": "END",
        "behaviour-other": "mirostat 2",
    }
    response = client.post("/models/add/create/", FORM | fields)

    assert response["Location"] == "/models/jobs/"
    parameters = {"temperature": 0.2, "stop": ["END"], "mirostat": 2}
    job = {"kind": "create", "model": "teacher", "from": BASE}
    assert asked(runtime) == [job | {"system": "Be kind.", "parameters": parameters}]


@pytest.mark.parametrize(
    "fields",
    [
        {"behaviour-model": ""},
        {"behaviour-model": "a b"},
        {"behaviour-model": BASE},
        {"behaviour-base": "../../etc/passwd"},
        {"behaviour-temperature": "hot"},
        {"behaviour-top_p": "2"},
        {"behaviour-other": "mirostat"},
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_written(
    client: Client, administrator: User, runtime: HTTPRuntime, fields: dict[str, str]
) -> None:
    response = client.post("/models/add/create/", FORM | {"behaviour-system": "Kept."} | fields)
    soup = BeautifulSoup(response.content, "html.parser")

    assert (response.status_code, asked(runtime)) == (422, [])
    assert len(soup.select("form.create-form :is(.field-error, .notice.error) p")) == 1
    assert soup.select_one("textarea[name=behaviour-system]").get_text().strip() == "Kept."


def test_modelfile_makes_a_job(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    text = 'FROM smollm2:135m\r\nPARAMETER temperature 0.6\r\nSYSTEM """\r\nBe kind.\r\n"""\r\nMESSAGE user Hello\r\n'
    response = client.post("/models/add/create/?as=modelfile", {"modelfile-model": "teacher", "modelfile-modelfile": text})

    assert response["Location"] == "/models/jobs/"
    body = asked(runtime)[0]
    assert (body["from"], body["parameters"], body["system"].strip()) == (BASE, {"temperature": 0.6}, "Be kind.")
    assert body["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "FROM qwen3:8b"),
        ("SYSTEM x", 0, "FROM qwen3:8b"),
        ("FROM a\n\nNONSENSE x", 3, "command must be one of"),
        ("FROM a\nPARAMETER num_ctx many", 2, "invalid int value"),
        ("FROM a\n\nPARAMETER wings 2", 3, "unknown parameter"),
        ("FROM a\n# note\nSYSTEM", 2, "never closed"),
        ('FROM a\n\nSYSTEM """never\nclosed', 3, "never closed"),
        ("FROM a\nFROM b", 2, "second FROM"),
        ("FROM ./file.gguf", 1, "upload it first"),
        ("FROM /etc/passwd", 1, "upload it first"),
        ("FROM a\nADAPTER ./x.gguf", 2, "ADAPTER names a file"),
        ("FROM a\nMESSAGE nobody hi", 2, "message role"),
    ],
)
def test_modelfile_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ModelfileRefused) as refusal:
        creation_of(text)
    assert (refusal.value.line, words in refusal.value.sentence) == (line, True)
    assert refusal.value.sentence.startswith(f"Line {line}: ") == (line > 0)


def test_what_is_made_from_a_restricted_model_is_restricted(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    set_audience(BASE, audience=Audience.ADMINISTRATORS, people=[], by=make_administrator())
    client.post("/models/add/create/", FORM)
    assert ModelAccess.objects.get(pk=model_key("teacher")).audience == Audience.ADMINISTRATORS

    runtime.answers["POST /api/hearth/jobs"] = Answer({"error": "no", "code": "invalid_request"}, 400)
    client.post("/models/add/create/", FORM | {"behaviour-model": "other"})
    assert not ModelAccess.objects.filter(pk=model_key("other")).exists()


def test_pages_are_not_there_for_a_member(client: Client, db: None, runtime: HTTPRuntime) -> None:
    client.force_login(make_user())
    answers = [client.get("/models/add/create/"), client.post("/models/add/create/", FORM), client.get("/models/add/files/")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert runtime.requests == []


def test_files_on_the_server_are_listed(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    good = {
        "name": "<b>.gguf",
        "size": 98_000_000,
        "model": "good:latest",
        "details": {"family": "llama", "parameter_size": "135M"},
    }
    broken = {"name": "broken.gguf", "size": 5, "model": "", "error": "it is no GGUF file"}
    runtime.answers["GET /api/hearth/files"] = {"files": [good, broken, 3]}
    soup = BeautifulSoup(client.get("/models/add/files/").content, "html.parser")

    cards = [card.get_text(" ", strip=True) for card in soup.select(".file-list li")]
    assert "<b>.gguf 98 MB · llama · 135M Installed as good:latest." in cards[0]
    assert cards[1].endswith("it is no GGUF file")
    assert soup.select_one("a[href='/?model=good%3Alatest']") is not None


@pytest.mark.parametrize("garbage", [[], {"files": 3}, {"files": []}])
def test_files_page_without_files_says_how_to_add_one(
    client: Client, administrator: User, runtime: HTTPRuntime, garbage: Any
) -> None:
    runtime.answers["GET /api/hearth/files"] = garbage
    assert "models/import" in client.get("/models/add/files/").text


def test_files_page_with_another_runtime_says_so(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    assert "ollama pull" in client.get("/models/add/files/").text
    assert "ollama pull" in client.get("/models/add/upload/").text


@pytest.mark.parametrize("path", ["/models/add/files/", "/models/add/upload/"])
def test_reading_pages_reject_post(client: Client, administrator: User, path: str) -> None:
    assert client.post(path).status_code == 405


def test_chat_opens_with_the_model_that_a_download_leads_to(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    two = [{"name": name, "capabilities": ["completion"]} for name in ("a:1", "b:1")]
    runtime.answers["GET /api/tags"] = {"models": two}
    soup = BeautifulSoup(client.get("/?model=b:1").content, "html.parser")
    assert soup.select_one("option[selected]")["value"] == "b:1"
