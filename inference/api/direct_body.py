"""Pieces of a streamed body that go out at once.

Beside a model that computes on all cores, what carries a token to its client is time that the model does not have. An ASGI
application answers from a task of its own: to wake that one for each piece, through everything that it is wrapped in, took a
quarter of what the service needed for a token.
"""

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_EXTENSION = "hearth.direct_body"


class DirectBody:
    """The body of one answer, beside what the application sends of it with `send`: pieces go out in the order of the calls."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    @property
    def can_write(self) -> bool:
        """Whether the client reads and the body is one of chunks. Else the application has to send, which waits or is told."""
        cycle = self._cycle
        is_open = cycle.response_started and not (cycle.response_complete or cycle.disconnected)
        return is_open and bool(cycle.chunked_encoding) and not cycle.flow.write_paused

    def write(self, piece: bytes) -> None:
        """One chunk (RFC 9112, 7.1). Only where `can_write`; an empty piece would end the body, so nothing is written for it."""
        if piece:
            self._cycle.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))


def offer_direct_body(scope: Scope, cycle: RequestResponseCycle) -> None:
    scope.setdefault("extensions", {})[_EXTENSION] = DirectBody(cycle)


def direct_body_of(scope: Scope) -> DirectBody | None:
    """None where the server offers none."""
    found: DirectBody | None = scope.get("extensions", {}).get(_EXTENSION)
    return found
