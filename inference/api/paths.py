"""Paths as clients make them of a base URL that ends with a slash: `//api/chat`, `/v1//models`, `/api/tags/`."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from inference.api.hosts import is_unix

_SLASHES = re.compile("/{2,}")


class ForgivingPaths:
    """Takes them for the paths that are meant; a redirection, which is Ollama's way, loses the body of a POST. What comes over
    the Unix socket stays as it is: the web process has decided by that path who may ask."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_unix(scope):
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"}
        await self._app(scope, receive, send)
