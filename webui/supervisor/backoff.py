"""How long to wait before a process that ended is started again. Pure: the caller says what time it is."""

from dataclasses import dataclass

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
HEALTHY_AFTER = 60.0
"""Seconds a process has to stay ready for its past to be forgotten."""

FAILED_STARTS = 3
"""So many starts in a row that never became ready are a start-up failure."""


@dataclass(slots=True)
class Backoff:
    """Counts what happened to one process. Times are seconds of a monotonic clock."""

    delay: float = 0.0
    failed_starts: int = 0

    def ended(self, *, ready_for: float | None) -> float:
        """The delay before the next start, after a process that was ready for so many seconds (None: never)."""
        self.failed_starts = 0 if ready_for is not None else self.failed_starts + 1
        if ready_for is not None and ready_for >= HEALTHY_AFTER:
            self.delay = 0.0
        self.delay = min(max(self.delay * 2, FIRST_DELAY), LONGEST_DELAY)
        return self.delay

    @property
    def cannot_start(self) -> bool:
        return self.failed_starts >= FAILED_STARTS
