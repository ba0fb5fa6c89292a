"""Which methods each path of Ollama's API answers: others get 405, unknown paths 404, in the words of Ollama's router."""

import httpx
import pytest

from tests.contract.service import MODEL, Service

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
DIGEST = "sha256:" + "0" * 64
#: As reference servers of Ollama have it; GET and HEAD of the first few are what browsers and scripts look for.
ROUTES = {
    "/": {"GET", "HEAD"},
    "/api/version": {"GET", "HEAD"},
    "/api/status": {"GET"},
    "/api/tags": {"GET", "HEAD"},
    "/api/ps": {"GET"},
    "/api/show": {"POST"},
    "/api/create": {"POST"},
    "/api/copy": {"POST"},
    "/api/pull": {"POST"},
    "/api/push": {"POST"},
    "/api/delete": {"DELETE"},
    f"/api/blobs/{DIGEST}": {"HEAD", "POST"},
    "/api/generate": {"POST"},
    "/api/chat": {"POST"},
    "/api/embed": {"POST"},
    "/api/embeddings": {"POST"},
    "/api/me": {"POST"},
    "/api/signout": {"POST"},
    "/api/user/keys/abc": {"DELETE"},
    "/api/experimental/web_search": {"GET", "POST"},
    "/api/tokenize": {"POST"},
    "/api/detokenize": {"POST"},
    "/api/rerank": {"POST"},
}


@pytest.mark.parametrize("path", ROUTES)
def test_path_answers_its_methods_and_no_other(service: Service, path: str) -> None:
    with service.client() as client:
        for method in METHODS:
            response = client.request(method, path)
            # A path that takes the method may refuse the empty body that came with it.
            if method in ROUTES[path]:
                assert response.status_code != 405, method
                assert response.text not in ("404 page not found", "405 method not allowed"), method
            else:
                expected = "" if method == "HEAD" else "405 method not allowed"
                assert (response.status_code, response.text) == (405, expected), method
                assert set(response.headers["allow"].split(", ")) == ROUTES[path]


@pytest.mark.parametrize("path", ["/nope", "/api", "/api/", "/api/tags/x", "/api/blobs/", "/API/tags"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_path_is_404_in_plain_text(service: Service, path: str, method: str) -> None:
    with service.client() as client:
        response = client.request(method, path)

    assert (response.status_code, response.text) == (404, "404 page not found")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("path", "meant"), [("//api/tags", "/api/tags"), ("/api/tags/", "/api/tags"), ("/v1//models", "/v1/models"), ("//", "/")]
)
def test_base_url_may_end_with_a_slash(service: Service, path: str, meant: str) -> None:
    """Where Ollama sends a redirection."""
    with service.client() as client:
        assert client.get(f"{service.url}{path}").text == client.get(meant).text
        asked = client.post(f"{service.url}//api/show/", json={"model": MODEL})
        refused = client.post(f"{service.url}/v1//messages/", json={})

    assert asked.json()["details"]["format"] == "gguf"
    assert refused.json()["error"] == {"type": "invalid_request_error", "message": "model is required"}


def test_web_process_means_the_path_it_names(service: Service) -> None:
    """It has decided by that path who may ask."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(service.socket_path)), base_url="http://hearth") as client:
        assert [client.get(f"http://hearth{path}").status_code for path in ("//api/tags", "/v1/models/", "/api/tags/")] == [
            404, 400, 404,
        ]  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags"])
def test_head_has_the_headers_of_get_and_no_body(service: Service, path: str) -> None:
    with service.client() as client:
        got, head = client.get(path), client.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == str(len(got.content))
