"""Events of one request that its reader did not take yet."""

import asyncio

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

Event = PromptProgress | PromptRendered | OutputDelta | RequestFinished | RequestFailed | Embeddings | Tokens


class Mailbox:
    """Consecutive deltas become one, so a slow reader costs no more memory than the text itself."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._arrived = asyncio.Event()
        self._error: InferenceError | None = None

    def put(self, event: Event) -> None:
        last = self._events[-1] if self._events else None
        if isinstance(event, OutputDelta) and isinstance(last, OutputDelta):
            num_tokens, logprobs = last.num_tokens + event.num_tokens, last.logprobs + event.logprobs
            self._events[-1] = OutputDelta(event.request_id, last.text + event.text, num_tokens, logprobs)
        elif isinstance(event, PromptProgress) and isinstance(last, PromptProgress):
            self._events[-1] = event
        else:
            self._events.append(event)
        self._arrived.set()

    def fail(self, error: InferenceError) -> None:
        """Raised to the reader after the events that came before."""
        self._error = error
        self._arrived.set()

    async def get(self) -> Event:
        """The next event. Cancelling it loses none."""
        while not self._events:
            if self._error is not None:
                raise self._error
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.pop(0)
