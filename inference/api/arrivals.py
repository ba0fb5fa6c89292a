"""Counts the requests that are just coming in, so that the runner can compute those of one moment in one batch."""

import time
from collections.abc import Callable, Hashable

from starlette.types import Scope

_EXTENSION = "hearth.arrived"
#: What has not become work for a model after so long is none, or late: a connection that is kept for later, a download.
_LONGEST_S = 0.025


class Arrivals:
    """By what they come on: from the moment in which a connection is made, or a request begins on one, until there is work for
    a model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[Hashable, float] = {}

    @property
    def count(self) -> int:
        since = self._clock() - _LONGEST_S
        return sum(begun >= since for begun in self._begun.values())

    def begin(self, connection: Hashable) -> None:
        self._begun[connection] = self._clock()

    def end(self, connection: Hashable) -> None:
        """May be called again."""
        self._begun.pop(connection, None)


def offer_arrival(scope: Scope, arrived: Callable[[], None]) -> None:
    """`arrived` is to be called when the request has become work."""
    scope.setdefault("extensions", {})[_EXTENSION] = arrived


def note_arrived(scope: Scope) -> None:
    """Of a request whose server counts none, nothing is noted."""
    if (arrived := scope.get("extensions", {}).get(_EXTENSION)) is not None:
        arrived()
