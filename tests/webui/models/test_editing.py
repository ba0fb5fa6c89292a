"""Changing how a model answers, through the page, against the runtime that makes the models."""

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import reverse

from tests.contract.service import MODEL, Service
from tests.factories import make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.enums import Audience
from webui.forms.model_behaviour import read_stops, write_stops
from webui.models import ModelAccess, User
from webui.services.model_access import set_audience
from webui.services.model_changes import copy_model
from webui.services.model_details import model_details, read_parameters
from webui.services.model_names import model_key

NAME = "tutor:latest"
STARTER_STOPS = ["<|im_start|>", "<|im_end|>"]


@pytest.fixture
def tutor(service: Service, administrator: User) -> str:
    """A model to be changed."""
    return copy_model(MODEL, "tutor", by=administrator)


def fields(client: Client, name: str = NAME) -> dict[str, str]:
    """What a browser would send if nothing were touched."""
    page = BeautifulSoup(client.get(reverse("model", args=[name])).content, "html.parser")
    form = page.select_one("form.behaviour")
    assert isinstance(form, Tag)
    texts = {str(area["name"]): area.text.removeprefix("\n").replace("\n", "\r\n") for area in form.select("textarea")}
    return texts | {
        str(box["name"]): str(box.get("value", "")) for box in form.select("input") if box["name"] != "csrfmiddlewaretoken"
    }


def save(client: Client, name: str = NAME, **changes: str) -> Any:
    data = fields(client, name) | {f"behaviour-{key}": value for key, value in changes.items()}
    return client.post(reverse("model-edit", args=[name]), data, follow=True)


def test_saving_without_a_change_changes_nothing(client: Client, tutor: str) -> None:
    before = model_details(NAME)
    assert "Saved." in save(client).text
    assert model_details(NAME) == before


def test_behaviour_is_changed_and_taken_back(client: Client, tutor: str) -> None:
    before = model_details(NAME)
    save(
        client,
        system="Answer in Chinese.\r\n\r\nBe brief.",
        temperature="0.2",
        num_ctx="512",
        stop="<|im_end|>\r\n\\n\\nQ:",
        other="mirostat 2\r\nmirostat_tau 4.5",
    )
    assert model_details(NAME).system == "Answer in Chinese.\n\nBe brief."
    assert model_details(NAME).parameters == {
        "temperature": 0.2, "num_ctx": 512, "stop": ["<|im_end|>", "\n\nQ:"], "mirostat": 2, "mirostat_tau": 4.5,
    }  # fmt: skip
    assert fields(client)["behaviour-stop"] == "<|im_end|>\r\n\\n\\nQ:"

    save(client, system="", temperature="", num_ctx="", other="", stop="\r\n".join(STARTER_STOPS))
    assert model_details(NAME) == before


def test_template_is_changed_and_the_models_own_comes_back(client: Client, tutor: str) -> None:
    before = model_details(NAME)
    save(client, template="{{ .System }} {{ .Prompt }}")
    assert model_details(NAME).template == "{{ .System }} {{ .Prompt }}"
    save(client, template="")
    assert model_details(NAME) == before


def test_new_model_is_made_and_restricted_as_the_first(client: Client, tutor: str, administrator: User) -> None:
    person = make_user()
    set_audience(NAME, audience=Audience.CHOSEN, people=[person], by=administrator)

    response = save(client, system="Be kind.", new_name="kind")

    assert response.redirect_chain == [("/models/show/kind:latest/", 302)]
    assert "kind:latest has been made." in response.text
    assert (model_details("kind").system, model_details(NAME).system) == ("Be kind.", "")
    assert [*ModelAccess.objects.get(pk=model_key("kind")).people.all()] == [person]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"temperature": "warm"}, "Enter a number."),
        ({"top_p": "2"}, "less than or equal to 1"),
        ({"other": "mirostat 2\nlonely"}, "Line 2 needs a name and a value"),
        ({"other": "temperature 1"}, "“temperature” has a field of its own."),
        ({"other": "warmth 11"}, "unknown parameter"),
        ({"template": "{{ if }"}, "template error"),
        ({"new_name": "a b"}, "no name for a model"),
        ({"new_name": MODEL}, "is there already"),
        ({"system": "x" * 200_001}, "at most 200000 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_and_kept_in_the_form(
    client: Client, tutor: str, changes: dict[str, str], sentence: str
) -> None:
    before = model_details(NAME)
    response = save(client, **changes)
    page = BeautifulSoup(response.content, "html.parser")

    assert response.status_code == 422
    assert sentence in page.select_one(".behaviour").text
    ((name, value),) = changes.items()
    control = page.select_one(f"[name=behaviour-{name}]")
    assert value in (control.get("value") or control.text)
    assert model_details(NAME) == before
    assert ModelAccess.objects.count() == 0


def test_edit_requires_an_administrator_and_post(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    address = reverse("model-edit", args=[MODEL])
    assert client.get(address).status_code == 405
    client.force_login(make_user())
    assert client.post(address).status_code == 404
    client.logout()
    assert client.post(address)["Location"] == "/accounts/login/"
    assert runtime.requests == []


def test_edit_with_a_runtime_that_cannot(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/show"] = {"parameters": "temperature 1"}
    runtime.answers["POST /api/create"] = Answer(raw=b"404 page not found", status=404)
    response = save(client, MODEL, temperature="0.5")
    assert "The model runtime behind this site cannot do this" in response.text
    assert runtime.bodies("POST /api/create") == [
        {"model": MODEL, "from": MODEL, "stream": False, "parameters": {"temperature": 0.5}}
    ]


@pytest.mark.parametrize("stops", [[], ["a"], ["\n", "\\n", "a\\\nb", " "], ["停"]])
def test_stop_texts_survive_the_form(stops: list[str]) -> None:
    assert read_stops(write_stops(stops)) == stops


def test_parameters_are_read_as_ollama_prints_them() -> None:
    text = (
        'temperature                    0.5\nstop                           "a b"\nuse_mmap true\nodd [1]\nnumber "2"\nlonely\n'
    )
    assert read_parameters(text) == {"temperature": 0.5, "stop": ["a b"], "use_mmap": True, "odd": "[1]", "number": "2"}
