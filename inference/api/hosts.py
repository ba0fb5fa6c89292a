"""Guards a loopback listener against DNS rebinding: a page on the internet must not reach it under its own name."""

import ipaddress
import socket

from starlette.types import ASGIApp, Receive, Scope, Send

_SUFFIXES = (".localhost", ".local", ".internal")


class LocalHostsOnly:
    """Answers 403 with an empty body to a Host header that is no name of this machine. The Unix socket is not checked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._hostname = socket.gethostname().lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_unix(scope) and not self._is_allowed(_host_header(scope)):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)

    def _is_allowed(self, header: str) -> bool:
        host = without_port(header)
        if host in ("", "localhost", self._hostname) or host.endswith(_SUFFIXES):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or address.is_private or address.is_unspecified


def is_unix(scope: Scope) -> bool:
    """Whether the request came over a Unix socket: such a server address has no port."""
    server = scope.get("server")
    return server is not None and server[1] is None


def _host_header(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def without_port(header: str) -> str:
    """The name or address of a Host header, in lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        address, _, port = host[1:].partition("]")
        return address if not port or port.startswith(":") else host
    return host.partition(":")[0].rstrip(".") if host.count(":") == 1 else host.rstrip(".")
