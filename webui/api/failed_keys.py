"""Whoever tries keys that are none is soon not listened to: each try costs a question to the database.

A class or an office often shares one address, and one forgotten program there must not lock out the others: keys that were
right a while ago are still asked about.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

#: So many wrong keys a minute one address may bring.
ALLOWED = 20
_PERIOD_S = 60.0
#: Addresses, and keys that were right, that are remembered; the oldest are forgotten first.
_MOST_REMEMBERED = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


class FailedKeys:
    """Counts by address, in the memory of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: When the count began, and the count.
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()

    def seconds_to_wait(self, address: str, key: str) -> int:
        """Before this address may try again; 0 for at once."""
        began, count = self._failures.get(address, (0.0, 0))
        left = began + _PERIOD_S - self._clock()
        if count < ALLOWED or left <= 0 or _digest(key) in self._right:
            return 0
        return int(left) + 1

    def failed(self, address: str) -> None:
        now = self._clock()
        began, count = self._failures.pop(address, (now, 0))
        if began + _PERIOD_S <= now:
            began, count = now, 0
        _remember(self._failures, address, (began, count + 1))

    def forget_all(self) -> None:
        self._failures.clear()
        self._right.clear()

    def succeeded(self, key: str) -> None:
        digest = _digest(key)
        self._right.pop(digest, None)
        _remember(self._right, digest, None)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "replace")).digest()


def _remember(table: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    table[key] = value
    if len(table) > _MOST_REMEMBERED:
        table.popitem(last=False)
