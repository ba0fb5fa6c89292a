"""How long someone who waits will have to: from how long the last answers took."""

import math

_SMOOTHING = 0.2


class Pace:
    """A moving average of the time one request of a model holds its slot, in seconds."""

    def __init__(self) -> None:
        self._average: float | None = None

    def add(self, seconds: float) -> None:
        self._average = seconds if self._average is None else self._average + _SMOOTHING * (seconds - self._average)

    def wait(self, position: int, num_slots: int) -> int | None:
        """Seconds until the one at `position` (1 is next) gets a slot, at least 1; None while nothing was measured.
        With all slots busy, one of them becomes free every average-th part of their number."""
        if self._average is None:
            return None
        return max(1, math.ceil(self._average * position / max(num_slots, 1)))
