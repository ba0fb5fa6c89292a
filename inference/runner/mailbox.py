"""Events of one request that its reader did not take yet."""

from collections.abc import Callable

from inference.errors import InferenceError
from inference.runner.messages import (
    Embeddings,
    OutputDelta,
    PromptProgress,
    PromptRendered,
    RequestFailed,
    RequestFinished,
    Tokens,
)
from inference.wake_up import WakeUp

Event = PromptProgress | PromptRendered | OutputDelta | RequestFinished | RequestFailed | Embeddings | Tokens


def is_end(event: Event) -> bool:
    """Whether it is the last one of its request."""
    return isinstance(event, RequestFinished | RequestFailed | Embeddings | Tokens)


class Mailbox:
    """Consecutive deltas become one, so a slow reader costs no more memory than the text itself."""

    def __init__(self, on_output: Callable[[OutputDelta], None] | None = None) -> None:
        """`on_output` takes deltas at once, without the turn of the event loop that waking a reader costs; those that come
        while an earlier event is unread wait with it."""
        self._on_output = on_output
        self._events: list[Event] = []
        self._arrived = WakeUp()
        self._error: InferenceError | None = None

    def put(self, event: Event) -> None:
        if self._on_output is not None and not self._events and isinstance(event, OutputDelta):
            self._on_output(event)
            return
        last = self._events[-1] if self._events else None
        if isinstance(event, OutputDelta) and isinstance(last, OutputDelta):
            self._events[-1] = last.joined(event)
        elif isinstance(event, PromptProgress) and isinstance(last, PromptProgress):
            self._events[-1] = event
        else:
            self._events.append(event)
        self._arrived.set()

    def fail(self, error: InferenceError) -> None:
        """Raised to the reader after the events that came before."""
        self._error = error
        self._arrived.set()

    @property
    def end(self) -> Event | None:
        """The request's last event, where it has come and nobody took it."""
        return self._events[-1] if self._events and is_end(self._events[-1]) else None

    async def get(self) -> Event:
        """The next event. Cancelling it loses none."""
        while not self._events:
            if self._error is not None:
                raise self._error
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.pop(0)
