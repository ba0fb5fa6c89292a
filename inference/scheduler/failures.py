"""Stops crash loops: a model whose runner failed three times within a minute is left alone until the minute is over."""

import math
import time
from collections import deque
from collections.abc import Callable

from inference.errors import ModelLoadFailed

MAX_FAILURES = 3
WINDOW_S = 60.0


class FailureLog:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._causes: dict[str, str] = {}

    def add(self, key: str, cause: str) -> None:
        self._failures.setdefault(key, deque(maxlen=MAX_FAILURES)).append(self._clock())
        self._causes[key] = cause

    def refusal(self, key: str, name: str) -> ModelLoadFailed | None:
        """The error for a request that must wait for the back-off to end; None when a start may be tried."""
        failures = self._failures.get(key)
        if failures is None:
            return None
        wait = failures[0] + WINDOW_S - self._clock()
        if wait <= 0 and failures[-1] + WINDOW_S <= self._clock():
            del self._failures[key], self._causes[key]
        if wait <= 0 or len(failures) < MAX_FAILURES:
            return None
        return ModelLoadFailed(
            f"The model {name} failed {MAX_FAILURES} times within a minute and is not started again "
            f"for {math.ceil(wait)} seconds. The last cause: {self._causes[key]}"
        )
