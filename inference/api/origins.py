"""Which web pages may call the TCP listener: those of this machine, of this host, and of the origins in `OLLAMA_ORIGINS`.

A browser carries the requests of any page here unasked. A page cannot read the answer without our leave (CORS), but to send a
plain POST, and so to keep the processor busy or unload a model, it needs none: so others are turned away. Programs send no
Origin. The schemes are those that Ollama lets in by default.
"""

import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.api.hosts import is_unix, without_port

_LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}  # noqa: S104
_APPS = {"app", "file", "tauri", "vscode-webview", "vscode-file"}
_EXTENSIONS = {"chrome-extension", "moz-extension", "safari-web-extension"}


#: What clients in browsers send: Ollama's list, with the headers of OpenAI's library.
_ALLOWED_HEADERS = ", ".join(
    (
        "Authorization", "Content-Type", "User-Agent", "Accept", "X-Requested-With", "OpenAI-Beta",
        *(
            f"x-stainless-{name}"
            for name in ("arch", "async", "custom-poll-interval", "helper-method", "lang", "os", "package-version", "poll-helper",
                         "retry-count", "runtime", "runtime-version", "timeout")
        ),
    )
)  # fmt: skip
#: What a page may ask to send beside them: tokens in a list (RFC 9110, 5.6.1), of so many characters.
_HEADERS = re.compile(r"[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
_LONGEST_HEADERS = 2000
_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"
_PREFLIGHT_S = 12 * 3600


class KnownOriginsOnly:
    """Lets known pages read the answers, and answers 403 with an empty body to others. The Unix socket is not checked.

    `allowed` are origins besides the usual ones; `*` in one stands for anything.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str] = ()) -> None:
        self._app = app
        self._is_allowed = allowed_by(allowed)
        self._allows_all = "*" in allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_unix(scope):
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            origin = headers.get(b"origin", "")
            if not (is_known_origin(origin, headers.get(b"host", "")) or self._is_allowed(origin)):
                await _answer(send, 403, [])
                return
            if origin and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _answer(send, 204, [*self._leave(origin), *_preflight_headers(headers)])
                return
            if origin:
                send = self._with_leave(send, origin)
        await self._app(scope, receive, send)

    def _leave(self, origin: str) -> list[tuple[bytes, bytes]]:
        """The headers by which a browser lets the page read the answer. Nothing here depends on cookies, so none are let in."""
        readable = (b"access-control-expose-headers", b"Retry-After, Request-Id")
        if self._allows_all:
            return [(b"access-control-allow-origin", b"*"), readable]
        return [(b"access-control-allow-origin", origin.encode("latin-1")), readable, (b"vary", b"Origin")]

    def _with_leave(self, send: Send, origin: str) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self._leave(origin)]}
            await send(message)

        return sending


def allowed_by(patterns: Collection[str]) -> Callable[[str], bool]:
    """Whether an origin is one of `OLLAMA_ORIGINS`, such as `https://chat.example.org`, `http://*.local` or `*`."""
    parts = [
        ".*" if pattern == "*" else "[^/]*".join(map(re.escape, pattern.rstrip("/").lower().split("*"))) for pattern in patterns
    ]
    expression = re.compile("|".join(f"(?:{part})" for part in parts) or r"(?!)")
    return lambda origin: expression.fullmatch(origin.lower()) is not None


def _preflight_headers(headers: Mapping[bytes, str]) -> list[tuple[bytes, bytes]]:
    """A page that may call may send what it likes: the clients of Anthropic and others have headers of their own."""
    asked = headers.get(b"access-control-request-headers", "").strip()
    is_usable = len(asked) <= _LONGEST_HEADERS and _HEADERS.fullmatch(asked) is not None
    leave = [
        (b"access-control-allow-methods", _METHODS.encode()),
        (b"access-control-allow-headers", (f"{_ALLOWED_HEADERS}, {asked}" if is_usable else _ALLOWED_HEADERS).encode()),
        (b"access-control-max-age", str(_PREFLIGHT_S).encode()),
    ]
    if headers.get(b"access-control-request-private-network") == "true":
        # Of a page at a public address, to a server at a private one.
        leave.append((b"access-control-allow-private-network", b"true"))
    return leave


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    length = [] if status == 204 else [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": b""})


def is_known_origin(origin: str, host: str) -> bool:
    """Whether a request with these headers comes from a program, an app, a page of this machine, or of `host` itself."""
    if not origin:
        return True
    try:
        page = urlsplit(origin)
        name = page.hostname
    except ValueError:
        return False
    if page.scheme in _APPS | _EXTENSIONS:
        return True
    return page.scheme in {"http", "https"} and bool(name) and (name in _LOCAL or name == without_port(host))
