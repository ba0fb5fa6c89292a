"""What the decode thread keeps back for a moment, so that tokens that come fast go out together."""

from collections.abc import Sequence

from inference.runner.engine.engine import Event
from inference.runner.messages import OutputDelta


class HeldOutput:
    """In order, with what comes one after the other of an answer as one piece: its reader has less to do."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        #: Where the last event of each request stands.
        self._places: dict[str, int] = {}

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            place = self._places.get(event.request_id, -1)
            last = self._events[place] if place >= 0 else None
            if isinstance(last, OutputDelta) and isinstance(event, OutputDelta):
                self._events[place] = last.joined(event)
            else:
                self._places[event.request_id] = len(self._events)
                self._events.append(event)

    def take(self) -> list[Event]:
        """All of it."""
        events, self._events = self._events, []
        self._places.clear()
        return events
