"""The page of one model: what it shows, and what is done with the model as a whole."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_answer, make_user
from tests.webui.http_runtime import TAGS, Answer, HTTPRuntime
from webui.enums import Audience
from webui.models import ModelAccess, SiteSettings, User
from webui.services.model_access import set_audience
from webui.services.model_names import model_key

MODEL = "hf.co/team/smol-GGUF:Q4_K_M"
OTHER = "smollm2:135m"
SHOW = {
    "system": "Be kind.",
    "template": "{{ .Prompt }}",
    "license": ["Apache License", "And another"],
    "modelfile": "FROM x\nSYSTEM Be kind.",
    "parameters": 'temperature                    0.5\nstop                           "<|end|>"',
}
ACTIONS = ["load", "load-cancel", "unload", "copy", "rename", "default", "enabled", "audience"]
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def named(runtime: HTTPRuntime) -> None:
    models = [{**TAGS["models"][0], "name": MODEL}, TAGS["models"][0]]
    runtime.answers |= {"GET /api/tags": {"models": models}, "POST /api/show": SHOW}
    runtime.answers |= {"POST /api/copy": Answer(raw=b""), "DELETE /api/delete": Answer(raw=b"")}


def page(client: Client, name: str = MODEL) -> BeautifulSoup:
    return BeautifulSoup(client.get(reverse("model", args=[name])).content, "html.parser")


def test_page_shows_the_model(client: Client, administrator: User) -> None:
    text = page(client).select_one("main").get_text(" ", strip=True)
    facts = (MODEL, "llama", "135M", "Q4_1", "98 MB", "2,048 tokens", "Chat", "aaaaaaaaaaaa", "And another", "SYSTEM Be kind.")
    assert [fact for fact in facts if fact not in text] == []


def test_page_finds_the_model_in_any_spelling(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    assert page(client, "hf.co/TEAM/smol-gguf:q4_k_m").h1.get_text(strip=True) == MODEL
    assert runtime.bodies("POST /api/show") == [{"model": MODEL}]


@pytest.mark.parametrize("name", ["not-there", "a/b/c/d/e/f", "x y", "%00", ".."])
def test_page_of_a_model_that_is_not_installed_is_not_there(client: Client, administrator: User, name: str) -> None:
    assert client.get(f"/models/show/{name}/").status_code == 404


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(raw=b"404 page not found", status=404), "The model runtime behind this site cannot do this"),
        (Answer({"error": "its header cannot be read"}, 500), "its header cannot be read"),
        (Answer(raw=b"garbage"), "connection to the model runtime was lost"),
    ],
)
def test_page_says_what_the_runtime_cannot_show(
    client: Client, administrator: User, runtime: HTTPRuntime, answer: Answer, sentence: str
) -> None:
    runtime.answers["POST /api/show"] = answer
    response = client.get(reverse("model", args=[MODEL]))
    assert (response.status_code, sentence in response.text) == (200, True)


@pytest.mark.parametrize("odd", [[], {"parameters": 3, "license": {}, "system": ["x"]}, {"parameters": "a\n \nx [1]"}, None])
def test_page_survives_odd_answers(client: Client, administrator: User, runtime: HTTPRuntime, odd: Any) -> None:
    runtime.answers["POST /api/show"] = Answer(odd)
    assert page(client).h1.get_text(strip=True) == MODEL


def test_page_escapes_what_the_model_says(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    evil = "</pre><script>alert(1)</script>"
    runtime.answers["POST /api/show"] = dict.fromkeys(SHOW, evil)
    assert evil not in client.get(reverse("model", args=[MODEL])).text


@pytest.mark.parametrize("action", ACTIONS)
def test_action_requires_an_administrator_and_post(client: Client, db: None, runtime: HTTPRuntime, action: str) -> None:
    address = reverse(f"model-{action}", args=[MODEL])
    assert client.post(address)["Location"] == "/accounts/login/"
    client.force_login(make_user())
    assert client.post(address).status_code == 404
    assert runtime.requests == []


@pytest.mark.parametrize("action", ACTIONS)
def test_action_rejects_get(client: Client, administrator: User, runtime: HTTPRuntime, action: str) -> None:
    assert client.get(reverse(f"model-{action}", args=[MODEL])).status_code == 405
    assert runtime.requests == []


@pytest.mark.parametrize("action", ["load", "load-cancel", "unload", "default", "enabled"])
def test_action_on_a_model_that_is_not_there(client: Client, administrator: User, action: str) -> None:
    assert client.post(reverse(f"model-{action}", args=["not-there"])).status_code == 404
    assert ModelAccess.objects.count() == 0


def test_copy_is_made_and_restricted_as_the_model_is(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    person = make_user()
    set_audience(MODEL, audience=Audience.CHOSEN, people=[person], by=administrator)

    response = client.post(reverse("model-copy", args=[MODEL]), {"copy-name": "tutor"})

    assert response["Location"] == "/models/show/tutor/"
    assert runtime.bodies("POST /api/copy") == [{"source": MODEL, "destination": "tutor"}]
    assert [*ModelAccess.objects.get(pk=model_key("tutor")).people.all()] == [person]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "required"),
        ("a b", "no name for a model"),
        ("../x", "no name for a model"),
        ("x" * 256, "at most 255"),
        ("SMOLLM2:135M", "is there already"),
    ],
)
@pytest.mark.parametrize("action", ["copy", "rename"])
def test_name_that_cannot_be_given_is_refused(
    client: Client, administrator: User, runtime: HTTPRuntime, action: str, name: str, sentence: str
) -> None:
    response = client.post(reverse(f"model-{action}", args=[MODEL]), {f"{action}-name": name})
    soup = BeautifulSoup(response.content, "html.parser")

    assert response.status_code == 422
    assert sentence in soup.select_one(".field-error").text
    assert soup.select_one(f"[name={action}-name]")["value" if name else "id"]
    assert runtime.bodies("POST /api/copy") == []


def test_copy_that_the_runtime_refuses_leaves_nothing(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    set_audience(MODEL, audience=Audience.ADMINISTRATORS, people=[], by=administrator)
    runtime.answers["POST /api/copy"] = Answer({"error": "the disk is full"}, 500)

    response = client.post(reverse("model-copy", args=[MODEL]), {"copy-name": "tutor"})

    assert "The disk is full: make room, then try again." in response.text
    assert [access.pk for access in ModelAccess.objects.all()] == [model_key(MODEL)]


def test_rename_takes_along_whatever_named_the_model(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    answer = make_answer()
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_model": OTHER})
    set_audience(OTHER, audience=Audience.ADMINISTRATORS, people=[], by=administrator)

    client.post(reverse("model-rename", args=[OTHER]), {"rename-name": "tutor:1"})
    answer.refresh_from_db()

    assert runtime.bodies("POST /api/copy") == [{"source": OTHER, "destination": "tutor:1"}]
    assert runtime.bodies("DELETE /api/delete") == [{"model": OTHER}]
    assert (answer.model, answer.conversation.model, SiteSettings.load().default_model) == ("tutor:1",) * 3
    assert [access.pk for access in ModelAccess.objects.all()] == [model_key("tutor:1")]


def test_rename_to_its_own_name_deletes_nothing(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    response = client.post(reverse("model-rename", args=[OTHER]), {"rename-name": "library/SmolLM2:135m"})
    assert "has this name already" in response.text
    assert [line for line, _ in runtime.requests if "copy" in line or "DELETE" in line] == []


def test_rename_that_stops_half_way_says_so(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["DELETE /api/delete"] = Answer({"error": "the disk is read-only"}, 500)
    response = client.post(reverse("model-rename", args=[OTHER]), {"rename-name": "tutor:1"})
    assert "“tutor:1” is there, but “smollm2:135m” could not be removed: the disk is read-only" in response.text


def test_default_is_set_and_taken_back(client: Client, administrator: User) -> None:
    client.post(reverse("model-default", args=[MODEL]), {"is_default": "1"})
    assert SiteSettings.load().default_model == MODEL
    assert "No longer the default" in page(client).text
    client.post(reverse("model-default", args=[MODEL]))
    assert SiteSettings.load().default_model == ""


def test_model_is_switched_off_and_on(client: Client, administrator: User) -> None:
    client.post(reverse("model-enabled", args=[MODEL]))
    assert ModelAccess.objects.get().is_enabled is False
    assert "Nobody can chat with it" in page(client).text
    client.post(reverse("model-enabled", args=[MODEL]), {"is_enabled": "1"})
    assert ModelAccess.objects.get().is_enabled is True


def test_audience_is_saved_and_shown(client: Client, administrator: User) -> None:
    person, _other = make_user(), make_user()
    client.post(reverse("model-audience", args=[MODEL]), {"audience": "chosen", "people": [str(person.pk)]})

    access = ModelAccess.objects.get()
    assert (access.pk, access.audience, [*access.people.all()]) == (model_key(MODEL), "chosen", [person])
    checked = [box["value"] for box in page(client).select(".audience [checked]")]
    assert checked == ["chosen", str(person.pk)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "This field is required"),
        ({"audience": "nobody"}, "not one of the available choices"),
        ({"audience": "chosen"}, "Choose at least one person."),
        ({"audience": "chosen", "people": ["x"]}, "Choose at least one person."),
    ],
)
def test_audience_that_makes_no_sense_is_refused(
    client: Client, administrator: User, fields: dict[str, Any], sentence: str
) -> None:
    response = client.post(reverse("model-audience", args=[MODEL]), fields)
    assert (response.status_code, sentence in response.text) == (422, True)
    assert ModelAccess.objects.count() == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_action_says_that_the_runtime_does_not_answer(client: Client, administrator: User, settings: Any, action: str) -> None:
    settings.INFERENCE_URL = "http://127.0.0.1:9"
    fields = {"audience": "everyone", "copy-name": "x", "rename-name": "x"}
    response = client.post(reverse(f"model-{action}", args=[MODEL]), fields, follow=True)
    assert response.status_code in {200, 422}
    assert "does not answer" in response.text


def test_state_that_cannot_change_says_why_in_its_place(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/generate"] = Answer({"error": "It needs 8 GB.", "code": "model_too_large"}, 400)
    response = client.post(reverse("model-load", args=[MODEL]), headers=HTMX)
    assert "There is not enough memory. It needs 8 GB." in response.text
    assert "<html" not in response.text
