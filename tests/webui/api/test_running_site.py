"""The API through the real processes and with real clients: on the site's port, and with `HEARTH_API_KEYS=required` on that of
the runtime, which then answers to keys alone."""

import hashlib
import json
import socket
import sqlite3
from collections.abc import Iterator

import httpx
import ollama
import openai
import pytest

from tests.command import hearth
from tests.site import Site, scratch_site, wait_until

pytestmark = [pytest.mark.services, pytest.mark.model]
MODEL = "smollm2:135m"
MAKE_KEY = """
from webui.models import User
from webui.services.api_keys import create_key
person = User.objects.create(email="ada@example.org", display_name="Ada", role="administrator", is_approved=True)
print(create_key(person, name="test", scopes=["chat", "embed", "manage"])[1])
print(create_key(person, name="second", scopes=["chat"])[1])
"""

REVOKE_SECOND_KEY = """
from webui.models import ApiKey
from webui.services.api_keys import revoke_key
key = ApiKey.objects.get(name="second")
revoke_key(key.user, key.pk)
"""
ENDLESS = {"model": MODEL, "prompt": "Count: 1, 2, 3,", "raw": True, "options": {"num_predict": -1, "ignore_eos": True}}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_site(HEARTH_API_KEYS="required") as running:
        yield running


@pytest.fixture(scope="module")
def keys(site: Site) -> list[str]:
    return site.manage("shell", "-c", MAKE_KEY).split()[-2:]


@pytest.fixture(scope="module")
def key(keys: list[str]) -> str:
    return keys[0]


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
            client.get(path).status_code
            for path in ("/accounts/login/", "/static/css/base.css", "/health", "/ws/", "/api/hearth/forget")
        ]
        metrics = client.get("/metrics")
        rebound = client.get("/api/tags", headers={"host": "evil.example"})

    assert pages == [404, 404, 404, 404, 404]
    assert metrics.status_code == 200 and "hearth" in metrics.text
    assert (rebound.status_code, rebound.content) == (403, b"")


def test_socket_of_the_page_is_not_on_the_port_of_the_runtime(site: Site, key: str) -> None:
    handshake = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": "YWJj" * 6}

    answer = httpx.get(f"{site.runtime_url}/ws/", headers={**handshake, "origin": site.runtime_url})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


def test_client_of_ollama_works_there_with_the_key(site: Site, key: str) -> None:
    question, schema = [{"role": "user", "content": "Hi"}], {"enum": ["glad", "sad"]}
    with ollama.Client(site.runtime_url, headers={"Authorization": f"Bearer {key}"}) as client:
        pieces = list(client.chat("smollm2:135m", question, stream=True, format=schema))

    assert pieces[-1].done and len(pieces) > 1
    assert json.loads("".join(piece.message.content or "" for piece in pieces)) in ("glad", "sad")


def test_command_uses_the_socket_and_says_what_to_do_without_it(site: Site, key: str) -> None:
    keyed = {"HEARTH_API_KEYS": "required", "HEARTH_DATA": str(site.data)}
    address = f"127.0.0.1:{site.runtime_port}"

    by_socket = hearth(address, "list", **keyed)
    without = hearth(address, "list")
    by_key = hearth(address, "list", OLLAMA_API_KEY=key)
    elsewhere = hearth(address, "list", **keyed | {"HEARTH_DATA": "/nowhere"})

    assert by_socket.returncode == by_key.returncode == 0
    assert MODEL in by_socket.stdout and MODEL in by_key.stdout
    assert (without.returncode, "OLLAMA_API_KEY" in without.stderr, "account page" in without.stderr) == (1, True, True)
    assert elsewhere.returncode == 1 and "HEARTH_DATA" in elsewhere.stderr and "/nowhere/run/inference.sock" in elsewhere.stderr


def test_runtime_itself_listens_on_no_port(site: Site) -> None:
    runtime = site.processes()["runtime"]

    assert [connection for connection in runtime.net_connections("tcp") if connection.status == "LISTEN"] == []


def test_clients_of_openai_and_ollama_work_on_the_port_of_the_site(site: Site, key: str) -> None:
    question = [{"role": "user", "content": "Say hello."}]
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=key, max_retries=0) as client:
        listed = [model.id for model in client.models.list()]
        whole = client.chat.completions.create(model=MODEL, messages=question, max_tokens=5, seed=1)  # type: ignore[arg-type]
        pieces = list(client.chat.completions.create(model=MODEL, messages=question, max_tokens=5, seed=1, stream=True))  # type: ignore[arg-type]
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nothing", messages=question)  # type: ignore[arg-type]
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
    with ollama.Client(site.url, headers={"Authorization": f"Bearer {key}"}) as local:
        embedded = local.embed(MODEL, ["one", "two"])
        local.copy(MODEL, "second")
        names = sorted(model.model or "" for model in local.list().models)
        local.delete("second")
        with pytest.raises(ollama.ResponseError, match="not found"):
            local.show("second")

    assert listed == [MODEL] and names == ["second:latest", MODEL]
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == whole.choices[0].message.content and text
    assert len(embedded.embeddings) == 2

    def recorded() -> bool:
        with sqlite3.connect(site.data / "hearth.sqlite3") as database:
            found = database.execute("SELECT sum(completion_tokens) FROM webui_apikeyusage").fetchone()[0]
        database.close()
        return bool(found and found >= 10)

    wait_until(recorded, "the usage of the key")


def test_large_upload_takes_no_memory_and_a_lost_client_no_slot(site: Site, key: str) -> None:
    web = site.processes()["web"]
    block, count = b"\0" * (1 << 20), 96
    digest = hashlib.sha256(block * count).hexdigest()
    before = web.memory_info().rss
    with httpx.Client(base_url=site.url, headers={"x-api-key": key}, timeout=60) as client:
        most = before

        def blocks() -> Iterator[bytes]:
            nonlocal most
            for _ in range(count):
                most = max(most, web.memory_info().rss)
                yield block

        sent = client.post(f"/api/blobs/sha256:{digest}", content=blocks())
        there = client.head(f"/api/blobs/sha256:{digest}")
        with client.stream("POST", "/api/generate", json=ENDLESS) as answer:
            next(answer.iter_lines())
    with httpx.Client(base_url=site.runtime_url, headers={"x-api-key": key}) as client:
        aborted = f'hearth_answers_total{{model="{MODEL}",reason="abort"}} 1.0'
        wait_until(lambda: aborted in client.get("/metrics").text, "the end of the answer")

    assert (sent.status_code, there.status_code) == (201, 200)
    assert most - before < count // 2 * len(block)


def test_key_that_another_process_revokes_ends_its_answers_on_both_ports(site: Site, keys: list[str]) -> None:
    with (
        httpx.Client(headers={"x-api-key": keys[1]}, timeout=60) as client,
        client.stream("POST", f"{site.url}/api/generate", json=ENDLESS) as by_site,
        client.stream("POST", f"{site.runtime_url}/v1/completions", json=ENDLESS | {"stream": True}) as by_runtime,
    ):
        lines, events = by_site.iter_lines(), by_runtime.iter_lines()
        assert "error" not in json.loads(next(lines)) and "choices" in next(events)
        site.manage("shell", "-c", REVOKE_SECOND_KEY)
        last_line, last_event = json.loads(list(lines)[-1]), list(filter(None, events))[-1]

    assert last_line["code"] == "invalid_api_key"
    assert json.loads(last_event.removeprefix("data: "))["error"]["code"] == "invalid_api_key"

    def counted() -> bool:
        """Nobody came to say what they took: the runtime was asked."""
        with sqlite3.connect(site.data / "hearth.sqlite3") as database:
            query = """SELECT requests, prompt_tokens, completion_tokens FROM webui_apikeyusage
                       JOIN webui_apikey ON webui_apikey.id = key_id WHERE name = 'second'"""
            found = database.execute(query).fetchone()
        database.close()
        return found is not None and found[0] == 2 and found[1] > 2 and found[2] > 2

    wait_until(counted, "the usage of the answers that were cut off")


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
