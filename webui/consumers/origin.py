"""The socket's origin check. Hearth answers under any host name, so a list of allowed names would allow everything:
instead the page that opens the socket must have come from the very host it connects to, or from an origin the operator trusts."""

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings

_DEFAULT_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """ASGI middleware that refuses the handshake (403) of a page from elsewhere, or of a client that names no origin."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers: dict[bytes, bytes] = dict(scope.get("headers", []))
        origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
        if is_allowed_origin(origin, host):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def is_allowed_origin(origin: str, host: str) -> bool:
    """Whether `origin` has the name and port of the Host header, or stands in CSRF_TRUSTED_ORIGINS."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        page, server = urlsplit(origin), urlsplit(f"//{host}")
        default_port = _DEFAULT_PORTS[page.scheme]
        return bool(page.hostname) and (page.hostname, page.port or default_port) == (
            server.hostname,
            server.port or default_port,
        )
    except (KeyError, ValueError):
        return False
