"""Whose prompt a request brings (see `inference.scopes`), and whom the queue is to be fair to.

The web process passes requests on for holders of API keys, over the Unix socket, and names each of them in a header. What such
a request says of itself in `hearth.scope` and `hearth.client` then only tells apart what is the caller's own.
"""

import re

from starlette.requests import Request
from starlette.types import Scope

from inference.api.hosts import is_unix
from inference.errors import InvalidRequest
from inference.scopes import LONGEST_SCOPE, owner_of

#: In which the web process says for whom it passes a request on: `user:7/key:12`.
CALLER_HEADER = b"hearth-caller"
_CALLER = re.compile(r"[\w.:-]{1,80}(/[\w.:-]{1,80})*", re.ASCII)
_LONGEST_CLIENT = 200


def is_forwarded(scope: Scope) -> bool:
    """Whether the web process passes the request on for the holder of a key. Only the Unix socket is believed."""
    return caller_of(scope) is not None


def caller_of(scope: Scope) -> str | None:
    """Whom the web process names; None where a request is its own, or came over TCP. Raises `InvalidRequest` for what is no
    caller: nobody is taken for the web process because their header cannot be read."""
    if not is_unix(scope):
        return None
    callers: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == CALLER_HEADER]
    if not callers:
        return None
    if len(callers) > 1 or not _CALLER.fullmatch(callers[0]):
        raise InvalidRequest("Hearth-Caller must be like user:7/key:12")
    return callers[0]


def scope_of(request: Request, asked: str) -> str:
    """The web process names its people itself. Anybody else is who asks from one address, and may tell own users apart
    by names of their own: none of those is ever one of the web process's. Raises `InvalidRequest`."""
    if len(asked) > LONGEST_SCOPE:
        raise InvalidRequest(f"hearth.scope must have at most {LONGEST_SCOPE} characters")
    caller = caller_of(request.scope)
    if caller is not None:
        return f"{caller}/{asked}" if asked else caller
    if is_unix(request.scope):
        return asked
    peer = request.client.host if request.client is not None else ""
    return f"tcp:{peer}+{asked}" if asked else f"tcp:{peer}"


def client_of(request: Request, asked: str) -> str:
    """Whom the queue is to be fair to: the person a key belongs to, however many keys they have; else the one who is named,
    else the peer's address."""
    caller = caller_of(request.scope)
    if caller is not None:
        return owner_of(caller)
    peer = request.client.host if request.client is not None else ""
    return asked[:_LONGEST_CLIENT] or peer
