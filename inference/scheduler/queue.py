"""The order in which waiting requests are taken: fair between clients, background work last. Pure; no clock, no I/O."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(order=True)
class _Place(Generic[T]):
    is_background: bool
    round: int
    arrival: int
    client: str = field(compare=False)
    item: T = field(compare=False)


class FairQueue(Generic[T]):
    """Start-time fair queueing: each client gets one place a round, so fifty requests of one delay nobody else's one."""

    def __init__(self) -> None:
        self._places: list[_Place[T]] = []
        self._arrivals = 0
        #: The round that was reached, and each client's last one, for foreground and background.
        self._reached = {False: 0, True: 0}
        self._last_round: dict[tuple[bool, str], int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        """In the order of taking."""
        return (place.item for place in self._places)

    def push(self, item: T, *, client: str, is_background: bool = False) -> None:
        key = (is_background, client)
        round_ = max(self._reached[is_background], self._last_round.get(key, -1) + 1)
        self._last_round[key] = round_
        self._arrivals += 1
        insort(self._places, _Place(is_background, round_, self._arrivals, client, item))

    def peek(self) -> T | None:
        return self._places[0].item if self._places else None

    def pop(self) -> T:
        """Raises `IndexError` when nobody waits."""
        place = self._places.pop(0)
        self._reached[place.is_background] = max(self._reached[place.is_background], place.round)
        self._forget_old_clients()
        return place.item

    def remove(self, item: T) -> bool:
        """Whether the item was waiting."""
        for index, place in enumerate(self._places):
            if place.item is item:
                del self._places[index]
                self._close_gap(place)
                return True
        return False

    def clear(self) -> list[T]:
        items = list(self)
        self._places.clear()
        self._last_round = {key: min(last, self._reached[key[0]]) for key, last in self._last_round.items()}
        self._forget_old_clients()
        return items

    def _close_gap(self, left: _Place[T]) -> None:
        """The client's later places move up a round each: what was given up has been served to nobody."""
        key = (left.is_background, left.client)
        own = [place for place in self._places if (place.is_background, place.client) == key]
        free = left.round
        for place in own:
            if place.round > free:
                place.round, free = free, place.round
        self._places.sort()
        served = min(self._last_round.get(key, -1), self._reached[left.is_background])
        self._last_round[key] = max((place.round for place in own), default=served)
        self._forget_old_clients()

    def _forget_old_clients(self) -> None:
        if len(self._last_round) > 2 * len(self._places) + 64:
            waiting = {(place.is_background, place.client) for place in self._places}
            kept = {key: last for key, last in self._last_round.items() if key in waiting or last > self._reached[key[0]]}
            self._last_round = kept
