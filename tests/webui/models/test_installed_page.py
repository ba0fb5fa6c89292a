"""The list of installed models, for administrators."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_conversation, make_user
from tests.webui.http_runtime import TAGS, Answer, HTTPRuntime
from webui.enums import Audience
from webui.models import ModelAccess, SiteSettings, User
from webui.services.model_access import set_audience, set_enabled
from webui.services.model_names import model_key

HTMX = {"HX-Request": "true"}
Queries = Callable[..., AbstractContextManager[object]]


def entry(name: str, **changes: Any) -> dict[str, Any]:
    return {**TAGS["models"][0], "name": name, "digest": name[0] * 64, **changes}


SOME = [
    entry("mistral:7b", size=4_100_000_000, details={"family": "llama"}, capabilities=["completion", "tools"]),
    entry("bge-m3:latest", size=1_200_000_000, details={"family": "bert"}, capabilities=["embedding"]),
    entry("qwen3:4b", size=2_600_000_000, modified_at="2026-11-24T10:00:00Z", details={"family": "qwen3"}),
]


def loaded(name: str, left: timedelta) -> dict[str, Any]:
    expires_at = (datetime.now(UTC) + left).isoformat()
    return {"name": name, "size": 304_000_000, "size_vram": 0, "context_length": 4096, "expires_at": expires_at}


def shown(client: Client, **query: str) -> BeautifulSoup:
    return BeautifulSoup(client.get(reverse("models"), query).content, "html.parser")


def names(client: Client, **query: str) -> list[str]:
    return [str(row["data-model"]) for row in shown(client, **query).select(".model-row")]


def test_list_shows_each_model_with_its_facts(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    text = shown(client).select_one(".model-row").get_text(" ", strip=True)

    facts = ("smollm2:135m", "llama", "135M parameters", "Q4_1", "98 MB", "2,048 tokens", "11/20/2026", "Chat", "Not in memory")
    assert [fact for fact in facts if fact not in text] == []


def test_list_shows_what_was_decided(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["GET /api/tags"] = {"models": SOME}
    set_enabled("bge-m3", is_enabled=False, by=administrator)
    set_audience("mistral:7b", audience=Audience.ADMINISTRATORS, people=[], by=administrator)
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_model": "qwen3:4b"})

    badges = {row["data-model"]: [badge.text for badge in row.select("h2 .badge")] for row in shown(client).select(".model-row")}
    assert badges == {"bge-m3:latest": ["Switched off"], "mistral:7b": ["Administrators only"], "qwen3:4b": ["Default"]}
    assert names(client, state="disabled") == ["bge-m3:latest"]
    assert names(client, state="restricted") == ["mistral:7b"]


def test_list_shows_what_is_in_memory_and_for_how_long(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["GET /api/tags"] = {"models": SOME}
    runtime.answers["GET /api/ps"] = {
        "models": [loaded("qwen3:4b", timedelta(minutes=4, seconds=32.9)), loaded("mistral:7b", timedelta(days=365 * 200))]
    }
    page = shown(client, state="loaded")
    states = {row["data-model"]: row.select_one(".state").get_text(" ", strip=True) for row in page.select(".model-row")}

    assert "In memory · 304 MB Unloads in 4:32" in states["qwen3:4b"]
    assert page.select_one("keep-alive")["seconds"] == "272"
    assert "Stays until it is unloaded" in states["mistral:7b"]
    assert len(states) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sort": "largest"}, ["mistral:7b", "qwen3:4b", "bge-m3:latest"]),
        ({"sort": "smallest"}, ["bge-m3:latest", "qwen3:4b", "mistral:7b"]),
        ({"sort": "newest"}, ["qwen3:4b", "bge-m3:latest", "mistral:7b"]),
        ({"sort": "family"}, ["bge-m3:latest", "mistral:7b", "qwen3:4b"]),
        ({"query": "BERT"}, ["bge-m3:latest"]),
        ({"query": "m 7b"}, ["mistral:7b"]),
        ({"query": "zzz"}, []),
        ({"capability": "tools"}, ["mistral:7b"]),
        ({"capability": "odd", "state": "odd", "sort": "odd", "page": "odd"}, ["bge-m3:latest", "mistral:7b", "qwen3:4b"]),
        ({"query": "\0"}, ["bge-m3:latest", "mistral:7b", "qwen3:4b"]),
        ({"query": "x" * 5000, "page": "0"}, ["bge-m3:latest", "mistral:7b", "qwen3:4b"]),
    ],
)
def test_list_is_sorted_filtered_and_searched(
    client: Client, administrator: User, runtime: HTTPRuntime, query: dict[str, str], found: list[str]
) -> None:
    runtime.answers["GET /api/tags"] = {"models": SOME}
    assert names(client, **query) == found


def test_search_by_htmx_gets_the_list_alone(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    part = client.get(reverse("models"), {"query": "smol"}, headers=HTMX).text
    whole = client.get(reverse("models"), headers={**HTMX, "HX-History-Restore-Request": "true"}).text

    assert ("<html" in part, "smollm2" in part) == (False, True)
    assert "<html" in whole


def test_empty_list_leads_on(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["GET /api/tags"] = {"models": []}
    page = shown(client)
    assert "No model is installed yet" in page.text
    assert page.select_one(".models-empty a")["href"] == "/models/add/"


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_the_same_queries_for_any_number(
    client: Client, administrator: User, runtime: HTTPRuntime, django_assert_num_queries: Queries, count: int
) -> None:
    runtime.answers["GET /api/tags"] = {"models": SOME[:count]}
    for model in SOME[:count]:
        set_audience(model["name"], audience=Audience.CHOSEN, people=[administrator], by=administrator)
    SiteSettings.load()
    # Session, user, access, site settings.
    with django_assert_num_queries(4):
        assert len(names(client)) == count


def test_list_requires_login(client: Client, db: None) -> None:
    assert client.get(reverse("models"))["Location"] == "/accounts/login/?next=/models/"


def test_list_is_not_there_for_a_member(client: Client, db: None, runtime: HTTPRuntime) -> None:
    client.force_login(make_user())
    response = client.get(reverse("models"))
    assert (response.status_code, b"smollm2" in response.content) == (404, False)
    assert runtime.requests == []


@pytest.mark.parametrize("name", ["models", "model-states"])
def test_list_rejects_post(client: Client, administrator: User, name: str) -> None:
    assert client.post(reverse(name)).status_code == 405


def test_list_says_that_the_runtime_does_not_answer(client: Client, administrator: User, settings: Any) -> None:
    settings.INFERENCE_URL = "http://127.0.0.1:9"
    assert "does not answer" in shown(client).select_one("[role=alert]").get_text()


@pytest.mark.parametrize("garbage", [[], {"models": 3}, {"models": [{}]}, None, "text"])
def test_list_survives_garbage(client: Client, administrator: User, runtime: HTTPRuntime, garbage: object) -> None:
    runtime.answers["GET /api/tags"] = Answer(garbage)
    assert "does not answer" in shown(client).select_one("[role=alert]").get_text()


def test_list_escapes_what_models_say_of_themselves(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    evil = "<img src=x>"
    runtime.answers["GET /api/tags"] = {"models": [entry("x:1", details={"family": evil}, capabilities=[evil])]}
    page = client.get(reverse("models")).text
    assert (evil in page, "&lt;img src=x&gt;" in page) == (False, True)


def test_account_menu_leads_administrators_here(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    assert b'href="/models/"' in client.get("/").content
    client.force_login(make_user())
    assert b'href="/models/"' not in client.get("/").content


def test_states_are_of_what_is_loaded_or_was_shown_as_such(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["GET /api/tags"] = {"models": SOME}
    runtime.answers["GET /api/ps"] = {"models": [loaded("qwen3:4b", timedelta(minutes=4))]}
    cells = BeautifulSoup(client.get(reverse("model-states"), {"shown": "mistral:7b"}).content, "html.parser").select(".state")

    assert [cell["hx-swap-oob"] for cell in cells] == ["true", "true"]
    assert [button["id"].split("-")[0] for cell in cells for button in cell.select("button")] == ["load", "unload"]


def test_deletion_asks_and_names_what_depends_on_the_models(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    twins = [entry("one:1", hearth={"weights": "w"}), entry("two:1", hearth={"weights": "w"})]
    runtime.answers["GET /api/tags"] = {"models": [*twins, *SOME]}
    runtime.answers["GET /api/ps"] = {"models": [loaded("one:1", timedelta(minutes=4))]}
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_model": "one:1"})
    for _ in range(2):
        make_conversation(model="one:1")

    address = reverse("models-delete") + "?name=one:1&name=qwen3:4b&name=not-there"
    text = BeautifulSoup(client.get(address).content, "html.parser").select_one("main").get_text(" ", strip=True)
    part = client.get(address, headers=HTMX).text

    assert "Delete 2 models?" in text
    for sentence in ("default model of this site", "in memory now", "2 conversations use it", "they are those of two:1, too"):
        assert sentence in text
    assert "not-there" not in text
    assert ("<html" in part, "Delete 2 models?" in part) == (False, True)
    assert runtime.bodies("DELETE /api/delete") == []


def test_deletion_deletes_models_and_what_was_decided(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers |= {"GET /api/tags": {"models": SOME}, "DELETE /api/delete": Answer(raw=b"")}
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_model": "qwen3:4b"})
    set_enabled("qwen3:4b", is_enabled=False, by=administrator)
    set_enabled("mistral:7b", is_enabled=False, by=administrator)

    response = client.post(reverse("models-delete"), {"name": ["QWEN3:4b", "bge-m3"]}, follow=True)

    assert runtime.bodies("DELETE /api/delete") == [{"model": "bge-m3:latest"}, {"model": "qwen3:4b"}]
    assert "2 models have been deleted." in response.text
    assert SiteSettings.load().default_model == ""
    assert [access.pk for access in ModelAccess.objects.all()] == [model_key("mistral:7b")]


def test_deletion_that_fails_says_which(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["DELETE /api/delete"] = Answer({"error": "the disk is read-only"}, 500)
    set_enabled("smollm2:135m", is_enabled=False, by=administrator)

    response = client.post(reverse("models-delete"), {"name": "smollm2:135m"}, follow=True)

    assert "“smollm2:135m” could not be deleted: the disk is read-only" in response.text
    assert ModelAccess.objects.count() == 1


def test_file_of_the_import_folder_is_shown_as_such_and_stays(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    linked = entry("file:latest", hearth={"linked": True})
    runtime.answers |= {"GET /api/tags": {"models": [linked, *SOME]}, "DELETE /api/delete": Answer(raw=b"")}

    assert "Import folder" in shown(client, query="file").select_one(".model-row").text
    both = {"name": ["file:latest", "qwen3:4b"]}
    assert "a file in the import folder" in client.get(reverse("models-delete"), both).text
    client.post(reverse("models-delete"), both)
    assert runtime.bodies("DELETE /api/delete") == [{"model": "qwen3:4b"}]


def test_damaged_models_are_named_with_the_reason_and_can_be_deleted(
    client: Client, administrator: User, runtime: HTTPRuntime
) -> None:
    damaged = {"models": [{"name": "broken:1", "reason": "its model blob is missing"}, {"name": "<b>"}, 3]}
    runtime.answers |= {"GET /api/hearth/damaged": damaged, "DELETE /api/delete": Answer(raw=b"")}

    text = shown(client).select_one(".damaged").get_text(" ", strip=True)
    assert "broken:1 its model blob is missing" in text
    assert "<b>" not in text
    assert "“broken:1” are damaged" in client.get(reverse("model", args=["broken:1"])).text
    assert "Delete broken:1?" in client.get(reverse("models-delete"), {"name": "broken:1"}).text
    client.post(reverse("models-delete"), {"name": "broken:1"})
    assert runtime.bodies("DELETE /api/delete") == [{"model": "broken:1"}]


@pytest.mark.parametrize("garbage", [[], {"models": 3}, {"models": {}}, None])
def test_list_survives_garbage_about_damaged_models(
    client: Client, administrator: User, runtime: HTTPRuntime, garbage: object
) -> None:
    runtime.answers["GET /api/hearth/damaged"] = Answer(garbage)
    assert names(client) == ["smollm2:135m"]


@pytest.mark.parametrize("chosen", [[], ["not-there"], ["\0"], ["../.."]])
@pytest.mark.parametrize("method", ["get", "post"])
def test_deletion_of_nothing_says_so(
    client: Client, administrator: User, runtime: HTTPRuntime, method: str, chosen: list[str]
) -> None:
    response = getattr(client, method)(reverse("models-delete"), {"name": chosen}, follow=True)
    assert "Select the models that are to be deleted first." in response.text
    assert client.get(reverse("models-delete"), {"name": chosen}, headers=HTMX)["HX-Redirect"] == "/models/"
