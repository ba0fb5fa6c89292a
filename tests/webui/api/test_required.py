"""`HEARTH_API_KEYS=required`, through the real processes: the runtime's port answers to keys alone; the command."""

import socket
from collections.abc import Iterator

import httpx
import ollama
import pytest

from tests.command import hearth
from tests.site import Site, scratch_site

pytestmark = [pytest.mark.services, pytest.mark.model]
MAKE_KEY = """
from webui.models import User
from webui.services.api_keys import create_key
person = User.objects.create(email="ada@example.org", display_name="Ada", role="administrator", is_approved=True)
print(create_key(person, name="test", scopes=["chat", "embed", "manage"])[1])
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_site(HEARTH_API_KEYS="required") as running:
        yield running


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return site.manage("shell", "-c", MAKE_KEY).split()[-1]


def test_port_of_the_runtime_asks_for_a_key(site: Site, key: str) -> None:
    refused = httpx.get(f"{site.runtime_url}/api/tags")
    opened = httpx.get(f"{site.runtime_url}/api/tags", headers={"x-api-key": key})
    running = httpx.get(f"{site.runtime_url}/")

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_api_key")
    assert [model["name"] for model in opened.json()["models"]] == ["smollm2:135m"]
    assert running.text == "Ollama is running"


def test_port_of_the_runtime_has_no_pages_and_keeps_its_check_of_hosts(site: Site, key: str) -> None:
    with httpx.Client(base_url=site.runtime_url, headers={"x-api-key": key}) as client:
        pages = [
            client.get(path).status_code for path in ("/accounts/login/", "/static/css/base.css", "/health", "/api/hearth/forget")
        ]
        metrics = client.get("/metrics")
        rebound = client.get("/api/tags", headers={"host": "evil.example"})

    assert pages == [404, 404, 404, 404]
    assert metrics.status_code == 200 and "hearth" in metrics.text
    assert (rebound.status_code, rebound.content) == (403, b"")


def test_client_of_ollama_works_there_with_the_key(site: Site, key: str) -> None:
    question = [{"role": "user", "content": "Hi"}]
    with ollama.Client(site.runtime_url, headers={"Authorization": f"Bearer {key}"}) as client:
        pieces = list(client.chat("smollm2:135m", question, stream=True, options={"num_predict": 4}))

    assert pieces[-1].done and pieces[-1].eval_count == 4 and len(pieces) > 2


def test_command_uses_the_socket_and_says_what_to_do_without_it(site: Site, key: str) -> None:
    keyed = {"HEARTH_API_KEYS": "required", "HEARTH_DATA": str(site.data)}
    address = f"127.0.0.1:{site.runtime_port}"

    by_socket = hearth(address, "list", **keyed)
    without = hearth(address, "list")
    by_key = hearth(address, "list", OLLAMA_API_KEY=key)
    elsewhere = hearth(address, "list", **keyed | {"HEARTH_DATA": "/nowhere"})

    assert by_socket.returncode == by_key.returncode == 0
    assert "smollm2:135m" in by_socket.stdout and by_key.stdout == by_socket.stdout
    assert (without.returncode, "OLLAMA_API_KEY" in without.stderr, "account page" in without.stderr) == (1, True, True)
    assert elsewhere.returncode == 1 and "HEARTH_DATA" in elsewhere.stderr and "/nowhere/run/inference.sock" in elsewhere.stderr


def test_runtime_itself_listens_on_no_port(site: Site) -> None:
    runtime = site.processes()["runtime"]

    assert [connection for connection in runtime.net_connections("tcp") if connection.status == "LISTEN"] == []


def test_what_two_readers_would_read_differently_is_refused(site: Site, key: str) -> None:
    """Two lengths, a length beside chunks, a folded line: none of them reaches the runtime as a second request."""
    smuggled = "GET /api/hearth/jobs HTTP/1.1\r\nHost: x\r\n\r\n"
    heads = [
        f"Content-Length: 5\r\nContent-Length: {len(smuggled)}\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n",
        "Content-Length: +5\r\n",
        f"X: a\r\n\r{smuggled}",
    ]
    for head in heads:
        with socket.create_connection(("127.0.0.1", site.web_port), timeout=10) as connection:
            request = f"POST /api/show HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{head}\r\n0\r\n\r\n{smuggled}"
            connection.sendall(request.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 400 "), head
        assert answer.count(b"HTTP/1.1 ") == 1 and b"jobs" not in answer, head


def test_early_answer_ends_the_connection_so_that_the_body_is_no_request(site: Site) -> None:
    smuggled = b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.web_port), timeout=10) as connection:
        connection.sendall(b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        answer = connection.recv(65536)
        connection.sendall(smuggled * 3)
        while piece := connection.recv(65536):
            answer += piece

    assert answer.startswith(b"HTTP/1.1 401 ") and b"Connection: close" in answer.replace(b"connection", b"Connection")
    assert answer.count(b"HTTP/1.1 ") == 1
