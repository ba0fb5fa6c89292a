import pytest
from starlette.types import Message, Receive, Scope, Send

from inference.api.hosts import LocalHostsOnly

TCP = ("127.0.0.1", 11434)


async def answer(host: str | None, server: tuple[str, int | None] = TCP) -> int:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    await LocalHostsOnly(app)({"type": "http", "server": server, "headers": headers}, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:11434",
        "8.8.8.8",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "evil.com.",
        "[::1]x.com",
        "é",
    ],
)
async def test_foreign_host_is_refused(host: str) -> None:
    assert await answer(host) == 403


@pytest.mark.parametrize(
    "host",
    [None, "", "localhost", "LOCALHOST:11434", "localhost.", "127.0.0.1:11434", "[::1]:11434", "::1", "10.0.0.5", "0.0.0.0:11434",
     "box.local", "hearth.internal:80", "a.localhost"],
)  # fmt: skip
async def test_own_host_is_let_in(host: str | None) -> None:
    assert await answer(host) == 200


async def test_unix_socket_is_not_checked() -> None:
    assert await answer("evil.com", ("/data/run/inference.sock", None)) == 200
