"""Whose prompt a request brings: see `inference.scopes`."""

from starlette.requests import Request
from starlette.types import Scope

from inference.api.hosts import is_unix
from inference.errors import InvalidRequest
from inference.scopes import LONGEST_SCOPE

#: In which the web process says for whom it passes a request on: `user:7/key:12`.
CALLER_HEADER = b"hearth-caller"


def is_forwarded(scope: Scope) -> bool:
    """Whether the web process passes the request on for the holder of a key. Only the Unix socket is believed."""
    return is_unix(scope) and any(name == CALLER_HEADER for name, _ in scope["headers"])


def scope_of(request: Request, asked: str) -> str:
    """The web process names its people itself. Anybody else is who asks from one address, and may tell own users apart
    by names of their own: none of those is ever one of the web process's. Raises `InvalidRequest`."""
    if len(asked) > LONGEST_SCOPE:
        raise InvalidRequest(f"hearth.scope must have at most {LONGEST_SCOPE} characters")
    if is_unix(request.scope):
        return asked
    peer = request.client.host if request.client is not None else ""
    return f"tcp:{peer}+{asked}" if asked else f"tcp:{peer}"
