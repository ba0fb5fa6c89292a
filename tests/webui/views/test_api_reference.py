"""The reference of the APIs: made of the runtime's document, in the person's language."""

from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from inference.api.openapi.document import build_document
from tests.factories import make_user
from tests.webui.http_runtime import HTTPRuntime, http_runtime
from webui.services import models


@pytest.fixture
def runtime(settings: Any) -> Iterator[HTTPRuntime]:
    models._cached = None
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        for language in ("en", "zh-hans"):
            runtime.answers[f"GET /openapi.json?language={language}"] = build_document(language)
        yield runtime


@pytest.mark.parametrize(("language", "summary"), [("en", "Answer a conversation"), ("zh-hans", "回答对话")])
def test_reference_has_every_endpoint_with_its_fields(
    client: Client, db: None, runtime: HTTPRuntime, language: str, summary: str
) -> None:
    client.force_login(make_user())

    page = BeautifulSoup(client.get("/api-reference/", headers={"Accept-Language": language}).content, "html.parser")

    shown = {(part["data-method"], part["data-path"]) for part in page.select(".endpoint[data-path]")}
    described = build_document("en")["paths"]
    assert shown == {(method.upper(), path) for path, methods in described.items() for method in methods}
    chat = page.select_one("#post-api-chat")
    assert chat is not None
    assert summary in chat.get_text()
    fields = [row.get_text() for row in chat.select("tbody th code")]
    assert set(fields) == set(
        described["/api/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    )
    linked = {link["href"] for link in page.select("a[href^='#object-']")}
    assert {"#object-MessageBody", "#object-Options"} <= linked
    assert [link for link in linked if page.select_one(str(link)) is None] == []


def test_reference_of_a_runtime_without_a_document_says_so(client: Client, db: None, settings: Any) -> None:
    client.force_login(make_user())
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        answer = client.get("/api-reference/")

    alert = BeautifulSoup(answer.content, "html.parser").select_one("[role=alert]")
    assert alert is not None
    assert len(alert.get_text(strip=True)) > 30
