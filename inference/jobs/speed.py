"""How fast something is, as a moving average over the last seconds."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 10.0
#: Samples that are nearer to each other than this count as one.
_NEAREST_S = 0.25


class Speed:
    """Fed with how much is done; the first amount is what was there before and counts for nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, completed: int) -> None:
        """Less than before means that something else is counted now: the average begins anew."""
        now = self._clock()
        if self._samples and completed < self._samples[-1][1]:
            self._samples.clear()
        if len(self._samples) > 1 and now - self._samples[-2][0] < _NEAREST_S:
            self._samples.pop()
        self._samples.append((now, completed))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()

    def per_second(self) -> float:
        """Up to now, so that it falls while nothing comes."""
        if len(self._samples) < 2:
            return 0.0
        (begin, first), (_, last) = self._samples[0], self._samples[-1]
        elapsed = self._clock() - begin
        return (last - first) / elapsed if elapsed > 0 else 0.0
