"""What asks for ollama.com is told that there is none here."""

import json

import pytest

from tests.contract.service import Service

NOT_SIGNED_IN = {
    "error": "Nobody is signed in to ollama.com: Hearth has no account there and needs none.",
    "code": "not_signed_in",
}
NO_CLOUD = {
    "error": "This is a service of ollama.com, which Hearth does not use: everything runs on this machine.",
    "code": "no_cloud",
}


def test_status_says_that_the_cloud_is_off(service: Service) -> None:
    with service.client() as client:
        assert client.get("/api/status").json() == {"cloud": {"disabled": True, "source": "config"}}


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "/api/me", 401, NOT_SIGNED_IN),
        ("POST", "/api/signout", 401, NOT_SIGNED_IN),
        ("DELETE", "/api/user/keys/c3NoLWVkMjU1MTk=", 401, NOT_SIGNED_IN),
        ("POST", "/api/experimental/web_search", 404, NO_CLOUD),
        ("POST", "/api/experimental/web_fetch", 404, NO_CLOUD),
        ("GET", "/api/experimental/model-recommendations", 404, NO_CLOUD),
    ],
)
def test_cloud_routes_are_answered_with_a_reason(
    service: Service, method: str, path: str, status: int, body: dict[str, str]
) -> None:
    with service.client() as client:
        response = client.request(method, path, json={})

    assert (response.status_code, response.json()) == (status, body)


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "glm-4.6:cloud", "someone/x:Cloud"])
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/show", "/api/pull"])
def test_cloud_models_are_not_found_with_the_reason(service: Service, path: str, name: str) -> None:
    response = service.post(path, {"model": name, "messages": [{"role": "user", "content": "hi"}]})

    message = f"model '{name}' not found: it runs at ollama.com, and Hearth runs models on this machine only"
    assert (response.status_code, response.json()) == (404, {"error": message, "code": "model_not_found"})


def test_models_of_other_registries_may_be_called_cloud(service: Service) -> None:
    response = service.post("/api/show", {"model": "example.org/team/cirrus:cloud"})

    assert json.loads(response.text)["error"] == "model 'example.org/team/cirrus:cloud' not found"
