import pytest
from starlette.types import Message, Receive, Scope, Send

from inference.api.origins import KnownOriginsOnly, allowed_by, is_known_origin

HOST = "192.168.1.5:11434"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://192.168.1.6",
        "ftp://localhost",
        "localhost",
        "http://[::1",
        "http://",
    ],
)
def test_foreign_origin_is_unknown(origin: str) -> None:
    assert not is_known_origin(origin, HOST)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:5173",
        "http://0.0.0.0:8080",
        "http://192.168.1.5:3000",
        "app://obsidian.md",
        "file://",
        "tauri://localhost",
        "vscode-webview://1a2b",
        "chrome-extension://abcdef",
    ],
)
def test_programs_apps_and_pages_of_this_host_are_known(origin: str) -> None:
    assert is_known_origin(origin, HOST)


@pytest.mark.parametrize(
    ("pattern", "origin", "expected"),
    [
        ("*", "https://anything.example", True),
        ("https://chat.example.org", "https://chat.example.org", True),
        ("https://chat.example.org/", "https://CHAT.example.org", True),
        ("https://chat.example.org", "https://chat.example.org.evil.example", False),
        ("https://chat.example.org", "http://chat.example.org", False),
        ("http://*.local", "http://nas.local", True),
        ("http://*.local", "http://nas.local.evil.example", False),
        ("http://192.168.1.9:*", "http://192.168.1.9:3210", True),
        ("http://a.b", "http://axb", False),
    ],
)
def test_origins_of_the_variable_are_allowed(pattern: str, origin: str, expected: bool) -> None:
    assert allowed_by(["https://first.example", pattern])(origin) is expected


def test_no_variable_allows_nobody() -> None:
    assert not allowed_by([])("https://anything.example")
    assert not allowed_by([])("")


async def answer_of(
    headers: dict[str, str], method: str = "OPTIONS", allowed: tuple[str, ...] = ()
) -> tuple[int, dict[str, str]]:
    """Status and headers of a request over TCP; an endpoint answers 200."""
    sent: list[Message] = []

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"retry-after", b"5")]})

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": HOST, **headers}.items()]
    scope = {"type": "http", "method": method, "path": "/v1/messages", "server": ("127.0.0.1", 11434), "headers": raw}
    await KnownOriginsOnly(endpoint, allowed)(scope, receive, send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


PAGE = {"Origin": "http://192.168.1.5:3210", "Access-Control-Request-Method": "POST"}
ANTHROPIC = "anthropic-dangerous-direct-browser-access,anthropic-version,content-type,x-api-key,x-stainless-lang"


async def test_page_may_send_the_headers_of_its_client() -> None:
    """Anthropic's library in a browser asks for its own; without leave, no request is sent."""
    status, headers = await answer_of({**PAGE, "Access-Control-Request-Headers": ANTHROPIC})

    assert (status, headers["access-control-allow-origin"]) == (204, PAGE["Origin"])
    allowed = {name.strip().lower() for name in headers["access-control-allow-headers"].split(",")}
    assert {*ANTHROPIC.split(","), "authorization", "openai-beta", "x-stainless-timeout"} <= allowed
    assert "access-control-allow-private-network" not in headers


@pytest.mark.parametrize("asked", ["", "x" * 2001, "a b", "a,,b", "a\r\nset-cookie: x", 'x"y'])
async def test_what_is_no_list_of_headers_is_not_repeated(asked: str) -> None:
    status, headers = await answer_of({**PAGE, "Access-Control-Request-Headers": asked})

    assert status == 204
    assert headers["access-control-allow-headers"].startswith("Authorization, Content-Type, ")
    assert headers["access-control-allow-headers"].endswith(", x-stainless-timeout")


async def test_page_at_a_public_address_may_reach_a_private_one_where_its_origin_is_allowed() -> None:
    asked = {**PAGE, "Origin": "https://chat.example.org", "Access-Control-Request-Private-Network": "true"}

    assert (await answer_of(asked))[0] == 403
    status, headers = await answer_of(asked, allowed=("https://chat.example.org",))
    assert (status, headers["access-control-allow-private-network"]) == (204, "true")


@pytest.mark.parametrize(("allowed", "origin"), [((), PAGE["Origin"]), (("*",), "*")])
async def test_page_reads_when_to_try_again(allowed: tuple[str, ...], origin: str) -> None:
    _, headers = await answer_of({"Origin": PAGE["Origin"]}, "POST", allowed)

    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-expose-headers"] == "Retry-After, Request-Id"
    assert headers["retry-after"] == "5"
