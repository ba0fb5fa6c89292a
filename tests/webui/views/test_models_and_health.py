"""The model picker and the health address, with and without a runtime behind them."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_conversation
from tests.webui.fake_runtime import PS, TAGS
from webui import __version__
from webui.models import SiteSettings, User
from webui.paths import inference_socket_path, inference_status_path
from webui.services import models

TWO = {"models": [*TAGS["models"], {"name": "other:1b", "size": None, "details": None}]}


class Lists(http.server.BaseHTTPRequestHandler):
    """A runtime that only lists its models."""

    replies: dict[str, Any] = {}

    def do_GET(self) -> None:
        body = json.dumps(self.replies[self.path]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def lists(settings: Any) -> Iterator[dict[str, Any]]:
    Lists.replies = {"/api/tags": TWO, "/api/ps": PS, "/api/version": {"version": "1"}}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lists) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.INFERENCE_URL = f"http://127.0.0.1:{server.server_port}"
        yield Lists.replies
        server.shutdown()
        thread.join()


@pytest.fixture
def supervised(settings: Any) -> Iterator[Any]:
    """The address that our own supervisor watches; the fixture's value writes what the supervisor would."""
    settings.INFERENCE_URL = f"unix:{inference_socket_path()}"
    inference_status_path().parent.mkdir(parents=True, exist_ok=True)
    yield lambda text: inference_status_path().write_text(text, encoding="utf-8")
    inference_status_path().unlink(missing_ok=True)


def picker(browser: Client, model: str = "") -> BeautifulSoup:
    return BeautifulSoup(browser.get(reverse("model-picker"), {"model": model}).content, "html.parser")


def selected(soup: BeautifulSoup) -> str:
    return str(soup.select_one("option[selected]")["value"])


def test_picker_lists_models_with_size_and_state(browser: Client, lists: dict[str, Any]) -> None:
    options = picker(browser).select("option")
    assert [option["value"] for option in options] == ["other:1b", "smollm2:135m"]
    assert [option.select_one("[data-loaded]")["data-loaded"] for option in options] == ["false", "true"]
    assert "135M" in options[1].get_text() and "98" in options[1].get_text()


def test_picker_prefers_what_is_asked_then_last_used_then_default(browser: Client, user: User, lists: dict[str, Any]) -> None:
    assert selected(picker(browser)) == "other:1b"
    SiteSettings.objects.update_or_create(pk=1, defaults={"default_model": "smollm2:135m"})
    assert selected(picker(browser)) == "smollm2:135m"
    make_conversation(user=user, model="other:1b")
    assert selected(picker(browser)) == "other:1b"
    assert selected(picker(browser, "smollm2:135m")) == "smollm2:135m"


def test_picker_forgets_a_model_that_is_gone(browser: Client, user: User, lists: dict[str, Any]) -> None:
    make_conversation(user=user, model="deleted:7b")
    assert selected(picker(browser)) == "other:1b"


@pytest.mark.parametrize("garbage", [[], {}, {"models": [{}]}, {"models": 3}, "text", None])
def test_picker_survives_garbage(browser: Client, lists: dict[str, Any], garbage: Any) -> None:
    lists["/api/tags"] = garbage
    assert "does not answer" in picker(browser).get_text()


def test_picker_tells_why_the_runtime_could_not_start(browser: Client, supervised: Any) -> None:
    supervised('{"state": "failed", "cause": "Port 11434 is in use."}')
    assert "The model runtime could not start: Port 11434 is in use." in picker(browser).get_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 7}', '{"state": "ready"}'])
def test_picker_survives_a_broken_status_file(browser: Client, supervised: Any, text: str) -> None:
    supervised(text)
    assert "does not answer" in picker(browser).get_text()


def test_picker_requires_login(client: Client, lists: dict[str, Any], db: None) -> None:
    response = client.get(reverse("model-picker"))
    assert response["Location"].startswith(reverse("account_login"))
    assert "smollm2" not in response.text


def test_picker_rejects_post(browser: Client, lists: dict[str, Any]) -> None:
    response = browser.post(reverse("model-picker"))
    assert (response.status_code, "smollm2" in response.text) == (405, False)


def test_list_is_asked_for_once_in_a_moment(lists: dict[str, Any]) -> None:
    first = models.list_models()
    lists["/api/tags"] = {"models": []}
    assert models.list_models() == first and len(first.models) == 2


@pytest.mark.parametrize(
    "model",
    [
        {"name": "m", "size": float("inf")},
        {"name": "m", "size": float("nan")},
        {"name": "half \ud800", "details": {"parameter_size": "\udfff"}},
        {"name": "<script>alert(1)</script>", "details": {"quantization_level": "<img src=x>"}},
    ],
)
def test_picker_survives_odd_models(browser: Client, lists: dict[str, Any], model: dict[str, Any]) -> None:
    lists["/api/tags"] = {"models": [model]}
    response = browser.get(reverse("model-picker"))
    assert 'id="picker"' in response.text
    assert "<script" not in response.text and "<img" not in response.text


def test_pages_wait_together_for_a_runtime_that_hangs(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as hanging, ThreadPoolExecutor(4) as pages:
        settings.INFERENCE_URL = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        lists = list(pages.map(lambda _: models.list_models(), range(4)))
        hanging.settimeout(0)
        asked = 0
        with suppress(BlockingIOError):
            while True:
                hanging.accept()[0].close()
                asked += 1
    assert all("does not answer" in listed.error for listed in lists)
    assert asked == 1


def test_health_answers_strangers(client: Client, lists: dict[str, Any]) -> None:
    response = client.get("/health")
    assert response.json() == {"status": "ok", "version": __version__, "runtime": "ready"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        ('{"state": "starting", "cause": ""}', "starting"),
        ('{"state": "restarting", "cause": "x"}', "starting"),
        ('{"state": "failed", "cause": "no memory at /secret/path"}', "failed"),
        ('{"state": "ready", "cause": ""}', "unreachable"),
        ("garbage", "unreachable"),
    ],
)
def test_health_tells_the_state_and_not_the_cause(client: Client, supervised: Any, text: str, runtime: str) -> None:
    supervised(text)
    response = client.get("/health")
    assert (response.status_code, response.json()["runtime"]) == (200, runtime)
    assert "secret" not in response.text
