"""Guards the TCP listener against pages of the internet: a browser on this machine carries their requests here unasked.

A page cannot read the answer, but to send a plain POST, and so to keep the processor busy or unload a model, it needs no leave.
Programs send no Origin. The schemes are those that Ollama lets in by default.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from inference.api.hosts import is_unix, without_port

_LOCAL = {"localhost", "127.0.0.1", "0.0.0.0", "::1"}  # noqa: S104
_APPS = {"app", "file", "tauri", "vscode-webview", "vscode-file"}
_EXTENSIONS = {"chrome-extension", "moz-extension", "safari-web-extension"}


class KnownOriginsOnly:
    """Answers 403 with an empty body to a page of another host. The Unix socket is not checked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_unix(scope):
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            if not is_known_origin(headers.get(b"origin", ""), headers.get(b"host", "")):
                await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


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
