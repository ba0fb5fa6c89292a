"""The list of installed models, for administrators."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.models import User


def shown(client: Client, **query: str) -> BeautifulSoup:
    return BeautifulSoup(client.get(reverse("models"), query).content, "html.parser")


def test_list_shows_each_model_with_its_facts(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    text = shown(client).select_one("li.model").get_text(" ", strip=True)

    assert [fact in text for fact in ("smollm2:135m", "llama", "135M", "Q4_1", "98 MB")] == [True] * 5


def test_list_requires_login(client: Client, db: None) -> None:
    assert client.get(reverse("models"))["Location"] == "/accounts/login/?next=/models/"


def test_list_is_not_there_for_a_member(client: Client, db: None, runtime: HTTPRuntime) -> None:
    client.force_login(make_user())
    response = client.get(reverse("models"))
    assert (response.status_code, b"smollm2" in response.content) == (404, False)
    assert runtime.requests == []


def test_list_rejects_post(client: Client, administrator: User) -> None:
    assert client.post(reverse("models")).status_code == 405


def test_list_says_that_the_runtime_does_not_answer(client: Client, administrator: User, settings: object) -> None:
    settings.INFERENCE_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    assert "does not answer" in shown(client).select_one("[role=alert]").get_text()


@pytest.mark.parametrize("garbage", [[], {"models": 3}, {"models": [{}]}, None, "text"])
def test_list_survives_garbage(client: Client, administrator: User, runtime: HTTPRuntime, garbage: object) -> None:
    runtime.answers["GET /api/tags"] = Answer(garbage)
    assert "does not answer" in shown(client).select_one("[role=alert]").get_text()


def test_account_menu_leads_administrators_here(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    assert b'href="/models/"' in client.get("/").content
    client.force_login(make_user())
    assert b'href="/models/"' not in client.get("/").content
