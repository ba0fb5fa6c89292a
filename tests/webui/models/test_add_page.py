"""Adding a model by name: the catalogue with its estimates, and the field for any name."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.factories import make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.models import User

MACHINE = {"cores": 2, "memory_total": 8_000_000_000, "memory_free": 6_000_000_000, "disk_free": 40_000_000_000, "gpus": []}


def estimate(**fields: Any) -> dict[str, Any]:
    known = {"download_bytes": 5_200_000_000, "memory_bytes": 6_100_000_000, "fits": True, "short_bytes": 0}
    return {**known, "disk_short_bytes": 0, "tokens_per_second": 14.2, **fields}


def size(name: str, **fields: Any) -> dict[str, Any]:
    known = {"name": name, "quantization": "Q4_K_M", "context": 40960, "installed": False}
    return {**known, "estimate": estimate(**fields.pop("estimate", {})), **fields}


def family(key: str, *sizes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known = {
        "family": key,
        "title": key.title(),
        "vendor": "Maker",
        "summary": f"About {key}.",
        "good_for": "Chat.",
        "license": "MIT",
    }
    return {**known, "languages": ["en"], "capabilities": ["completion"], "sizes": list(sizes), **fields}


FAMILIES = [
    family(
        "qwen3",
        size("qwen3:8b"),
        size("qwen3:32b", estimate={"fits": False, "short_bytes": 9_000_000_000}),
        languages=["zh", "en"],
        good_for="对话",
    ),
    family("embed", size("embed:latest", installed=True, estimate={"tokens_per_second": None}), capabilities=["embedding"]),
]


@pytest.fixture
def runtime(runtime: HTTPRuntime) -> HTTPRuntime:
    runtime.answers |= {
        "GET /api/hearth/jobs": {"jobs": []},
        "GET /api/hearth/machine": MACHINE,
        "GET /api/hearth/catalogue?language=en": {"language": "en", "families": FAMILIES},
        "POST /api/hearth/estimate": estimate(),
    }
    return runtime


def shown(client: Client, path: str = "/models/add/", **headers: str) -> BeautifulSoup:
    return BeautifulSoup(client.get(path, headers=headers).content, "html.parser")


def text(soup: BeautifulSoup, selector: str) -> list[str]:
    return [tag.get_text(" ", strip=True) for tag in soup.select(selector)]


def test_gpus_are_called_as_their_makers_call_them(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    gpu = {"name": "CUDA0", "free": 1, "total": 2}
    cards = [gpu | {"description": "NVIDIA <b>H100</b>"}, gpu, "nonsense"]
    runtime.answers["GET /api/hearth/machine"] = MACHINE | {"gpus": cards}

    assert text(shown(client), ".machine .badge") == ["NVIDIA <b>H100</b>", "CUDA0"]


def test_catalogue_shows_each_size_with_its_estimate(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    soup = shown(client)

    assert text(soup, ".size-name") == ["qwen3:8b", "qwen3:32b", "embed:latest"]
    assert text(soup, ".verdict") == ["fits, about 14 tokens/s", "needs 9.0 GB more memory", "fits"]
    assert [row.select_one("[name=model]") is None for row in soup.select(".size")] == [False, False, True]
    assert "2 cores" in text(soup, ".machine")[0]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?query=QWEN", ["qwen3:8b", "qwen3:32b"]),
        ("?query=对话", ["qwen3:8b", "qwen3:32b"]),
        ("?language=zh", ["qwen3:8b", "qwen3:32b"]),
        ("?purpose=embedding", ["embed:latest"]),
        ("?fitting=on", ["qwen3:8b", "embed:latest"]),
        ("?query=nothing", []),
        ("?purpose=nonsense", ["qwen3:8b", "qwen3:32b", "embed:latest"]),
    ],
)
def test_catalogue_is_searched(client: Client, administrator: User, runtime: HTTPRuntime, query: str, names: list[str]) -> None:
    assert text(shown(client, f"/models/add/{query}"), ".size-name") == names
    fragment = shown(client, f"/models/add/{query}", hx_request="true")
    assert text(fragment, ".size-name") == names
    assert fragment.select("html, .ways") == []


def test_size_that_is_being_downloaded_says_so(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    job = {"id": "a1", "kind": "pull", "model": "qwen3:8b", "status": "paused"}
    runtime.answers["GET /api/hearth/jobs"] = {"jobs": [job]}

    assert text(shown(client), ".size-action")[0] == "Downloading…"


def test_add_page_is_not_there_for_a_member(client: Client, db: None, runtime: HTTPRuntime) -> None:
    client.force_login(make_user())
    for path in ("/models/add/", "/models/add/estimate/?model=qwen3:8b"):
        response = client.get(path)
        assert (response.status_code, b"tokens/s" in response.content) == (404, False)
    assert runtime.requests == []


@pytest.mark.parametrize("path", ["/models/add/", "/models/add/estimate/"])
def test_add_page_rejects_post(client: Client, administrator: User, path: str) -> None:
    assert client.post(path).status_code == 405


def test_add_page_with_another_runtime_says_what_to_do(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    del runtime.answers["GET /api/hearth/jobs"]
    soup = shown(client)

    assert "ollama pull" in soup.get_text()
    assert soup.select("form.pull, [name=query]") == []


@pytest.mark.parametrize("garbage", [[], {"families": 3}, {"families": [3, {}]}, {"families": [{"sizes": [{"estimate": 3}]}]}])
def test_catalogue_survives_garbage(client: Client, administrator: User, runtime: HTTPRuntime, garbage: Any) -> None:
    runtime.answers["GET /api/hearth/catalogue?language=en"] = garbage
    assert client.get("/models/add/").status_code == 200


def test_catalogue_escapes_what_it_is_told(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    hostile = family("<script>x</script>", size("<img src=x>"), summary="<b>bold</b>")
    runtime.answers["GET /api/hearth/catalogue?language=en"] = {"families": [hostile]}
    soup = shown(client)

    assert soup.select(".family b, .family img, .family script") == []
    assert "<img src=x>" in text(soup, ".size-name")


@pytest.mark.parametrize("name", ["qwen3:8b", "hf.co/user/repo:Q4_K_M", "registry.example.com/team/model:tag"])
def test_any_name_is_looked_up_before_it_is_downloaded(
    client: Client, administrator: User, runtime: HTTPRuntime, name: str
) -> None:
    for headers in ({}, {"hx_request": "true"}):
        soup = shown(client, f"/models/add/estimate/?model={name}&insecure=on", **headers)
        assert text(soup, ".verdict") == ["fits, about 14 tokens/s"]
        assert {tag["name"]: tag["value"] for tag in soup.select("form.pull [type=hidden]")} | {"csrfmiddlewaretoken": ""} == {
            "csrfmiddlewaretoken": "",
            "model": name,
            "insecure": "on",
        }
    assert runtime.bodies("POST /api/hearth/estimate")[0] == {"model": name, "insecure": True}


@pytest.mark.parametrize("name", ["", "a b", "../../etc", "<b>", "x" * 300])
def test_what_is_no_name_is_refused_with_an_example(client: Client, administrator: User, runtime: HTTPRuntime, name: str) -> None:
    soup = shown(client, f"/models/add/estimate/?model={name}", hx_request="true")

    assert len(soup.select(".field-error p")) == 1
    assert runtime.bodies("POST /api/hearth/estimate") == []


def test_registry_that_has_no_such_model_is_said_in_words(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/hearth/estimate"] = Answer({"error": "x", "code": "not_in_registry"}, 404)

    assert "no such model" in text(shown(client, "/models/add/estimate/?model=nope:1"), "[role=alert]")[0]
