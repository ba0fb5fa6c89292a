"""Bounds what is kept of answers whose readers do not keep up. Pure.

Answers go on at full speed while a reader is slow, so that the slot is free for the next as soon as it can be: what was not read
waits here. Text is little; log probabilities can be a thousand times as much.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

MOST_EACH = 32 * 1024 * 1024
MOST_TOGETHER = 256 * 1024 * 1024

S = TypeVar("S", bound=Hashable)


class Backlog(Generic[S]):
    """Bytes that wait to be read, by stream."""

    def __init__(self, most_each: int = MOST_EACH, most_together: int = MOST_TOGETHER) -> None:
        self.most_each = most_each
        self._most_together = most_together
        self._waiting: dict[S, int] = {}
        self._total = 0

    def add(self, stream: S, num_bytes: int) -> S | None:
        """The stream that has to be given up: this one where it has too much, the one with the most where all have."""
        waiting = self._waiting[stream] = self._waiting.get(stream, 0) + num_bytes
        self._total += num_bytes
        if waiting > self.most_each:
            return stream
        if self._total > self._most_together:
            return max(self._waiting, key=lambda other: self._waiting[other])
        return None

    def remove(self, stream: S) -> None:
        """All of it was read, or is wanted by nobody."""
        self._total -= self._waiting.pop(stream, 0)
