"""How long to wait for more requests before those that are there are computed.

Of many who ask in one moment, whoever is first would be computed alone, and the others would wait for that step.
"""

#: About what the service needs for twenty requests.
_LONGEST_NS = 25_000_000
#: Whoever did not come so long after the one before is not expected any more: a connection may be kept for later, and not every
#: program asks again when it has an answer.
_LONGEST_PAUSE_NS = 8_000_000


class Gathering:
    """Knows of whom to expect a request: those that the service has announced, and those whose answers have just ended. Times are
    of one clock, in nanoseconds."""

    def __init__(self) -> None:
        #: Requests that are announced, of those that came since the last step.
        self._num_following = 0
        self._num_returning = 0
        self._ended_ns = self._arrived_ns = 0

    def note_end(self, now_ns: int) -> None:
        """An answer has ended."""
        if now_ns - self._ended_ns > _LONGEST_NS:
            self._num_returning = 0
        self._num_returning += 1
        self._ended_ns = now_ns

    def note_arrival(self, num_following: int, now_ns: int) -> None:
        """A request, after which so many more are on their way."""
        self._num_following = max(self._num_following - 1, num_following)
        self._num_returning = max(self._num_returning - 1, 0)
        self._arrived_ns = now_ns

    def patience_ns(self, since_ns: int, now_ns: int) -> int:
        """How long the next request is worth waiting for, of a wait that began at `since_ns`; 0 or less: it is not."""
        is_returning = self._num_returning > 0 and now_ns - self._ended_ns <= _LONGEST_NS
        if self._num_following == 0 and not is_returning:
            return 0
        return min(since_ns + _LONGEST_NS, self._arrived_ns + _LONGEST_PAUSE_NS) - now_ns

    def end(self) -> None:
        """Who has not come now is not waited for again."""
        self._num_following = self._num_returning = 0
