"""Who may say whose a prompt is, and who may make it forgotten."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.service import MODEL, TIMEOUT_S, Service

pytestmark = [pytest.mark.services, pytest.mark.model]
STORY = " ".join(f"Ship {number} carries salt to harbour {number + 3}." for number in range(23))


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(service.socket_path))
    with httpx.Client(transport=transport, base_url="http://runtime", timeout=TIMEOUT_S) as client:
        yield client


def cached(client: httpx.Client, scope: str | None, first_word: str = "Story:") -> int:
    """Asks; how much of the prompt had been computed before."""
    body: dict[str, Any] = {"model": MODEL, "stream": False, "options": {"num_predict": 1, "temperature": 0}}
    body |= {"messages": [{"role": "user", "content": f"{first_word} {STORY}"}], "hearth": {"scope": scope} if scope else {}}
    response = client.post("/api/chat", json=body)
    assert response.status_code == 200, response.text
    return int(response.json()["hearth"]["cached_tokens"])


def test_scope_of_the_web_process_is_no_one_elses(service: Service, web: httpx.Client) -> None:
    with service.client() as tcp:
        assert cached(web, "user:1/conversation:1") < 100
        assert cached(tcp, "user:1/conversation:1") < 100
        assert cached(tcp, None) < 100
        assert cached(web, "user:2/conversation:1") < 100
    assert cached(web, "user:2/conversation:1") > 250


def test_forgotten_conversation_is_computed_anew(web: httpx.Client, service: Service) -> None:
    scope = "user:5/conversation:1"
    assert cached(web, scope, "Forget:") < 100
    assert cached(web, scope, "Forget:") > 250

    response = web.post("/api/hearth/forget", json={"scope": "user:5"})

    assert response.json()["status"] == "success"
    assert cached(web, scope, "Forget:") < 100


def test_forget_is_unknown_on_tcp(service: Service, web: httpx.Client) -> None:
    scope = "user:6/conversation:1"
    cached(web, scope, "Keep:")

    assert service.post("/api/hearth/forget", {"scope": "user:6"}).status_code == 404

    assert cached(web, scope, "Keep:") > 250


@pytest.mark.parametrize("body", [{}, {"scope": ""}, {"scope": "x" * 201}, {"scope": 7}])
def test_forget_without_a_scope_is_refused(web: httpx.Client, body: dict[str, object]) -> None:
    response = web.post("/api/hearth/forget", json=body)

    assert response.status_code == 400 and "scope" in response.json()["error"]


def test_conversation_goes_on_after_a_restart_of_the_service(own_service: Service) -> None:
    own_service.start()
    with own_service.client() as client:
        cached(client, None)
    assert own_service.stop() == 0
    saved = list((own_service.data / "kv").glob("*/*.kv"))
    own_service.start()
    with own_service.client() as client:
        assert cached(client, None) > 250
    assert len(saved) == 1 and saved[0].stat().st_mode & 0o077 == 0


def test_holder_of_a_key_reaches_nobody_elses_prompts_and_makes_nothing_forgotten(service: Service, web: httpx.Client) -> None:
    holder = {"Hearth-Caller": "user:8/key:1"}
    assert cached(web, "user:9/conversation:1", "Key:") < 100

    web.headers.update(holder)
    assert cached(web, "user:9/conversation:1", "Key:") < 100
    refused = web.post("/api/hearth/forget", json={"scope": "user:9"})
    del web.headers["Hearth-Caller"]

    assert (refused.status_code, refused.text) == (404, "404 page not found")
    assert cached(web, "user:9/conversation:1", "Key:") > 250


def test_usage_is_told_to_the_web_process_alone(service: Service, web: httpx.Client) -> None:
    body = {"model": MODEL, "input": ["one two three"]}
    holder = {"Hearth-Caller": "user:8/key:1"}

    forwarded = web.post("/api/embed", json=body, headers=holder)
    own = web.post("/api/embed", json=body)
    forged = service.post("/api/embed", body, headers=holder)

    count = forwarded.json()["prompt_eval_count"]
    assert json.loads(forwarded.headers["hearth-usage"]) == {"prompt_tokens": count, "completion_tokens": 0} and count > 0
    assert "hearth-usage" not in own.headers and "hearth-usage" not in forged.headers
