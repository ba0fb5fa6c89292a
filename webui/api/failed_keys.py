"""Whoever tries keys that are none is soon not listened to: each try costs a question to the database.

A class or an office often shares one address, and one forgotten program there must not lock out the others: keys that were
right a while ago are still asked about.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

#: So many wrong keys a minute one address may bring.
ALLOWED = 20
_PERIOD_S = 60.0
#: Addresses, and keys that were right, that are remembered; the oldest are forgotten first.
_MOST_REMEMBERED = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(eq=False)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    num_users: int = 0


class FailedKeys:
    """Counts by address, in the memory of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: When the count began, and the count.
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        #: By address, for as long as somebody has or waits for a turn.
        self._turns: dict[str, _Turn] = {}

    @property
    def is_waited_for(self) -> bool:
        """Whether some key is being looked up that was not right before."""
        return bool(self._turns)

    @asynccontextmanager
    async def turn(self, address: str, key: str) -> AsyncIterator[None]:
        """Keys of one address are looked up one after the other, so that those that come at once are counted like those that
        come one by one. Keys that were right before need not wait."""
        if _digest(key) in self._right:
            yield
            return
        turn = self._turns.setdefault(address, _Turn())
        turn.num_users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.num_users -= 1
            if not turn.num_users and self._turns.get(address) is turn:
                del self._turns[address]

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
