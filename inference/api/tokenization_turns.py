"""Whose turn it is to have a text turned into tokens. It takes no slot of a model, but cores, and a place in the runner's row."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from inference.errors import QueueFull
from inference.scheduler.queue import FairQueue

#: Of one model.
_AT_ONCE = 2


class _Line:
    def __init__(self) -> None:
        self.num_running = 0
        self.queue: FairQueue[asyncio.Future[None]] = FairQueue()


class TokenizationTurns:
    """Fair between clients; a model that is still being loaded holds up nobody who asks another."""

    def __init__(self, has_room: Callable[[int], bool]) -> None:
        """`has_room` says whether one more may wait beside so many."""
        self._has_room = has_room
        self._lines: dict[str, _Line] = {}

    @property
    def num_waiting(self) -> int:
        return sum(len(line.queue) for line in self._lines.values())

    @asynccontextmanager
    async def take(self, model_key: str, client: str) -> AsyncIterator[None]:
        """Raises `QueueFull`."""
        line = self._lines.setdefault(model_key, _Line())
        if line.num_running < _AT_ONCE:
            line.num_running += 1
        elif self._has_room(self.num_waiting):
            await self._wait(model_key, line, client)
        else:
            raise QueueFull("server busy, please try again.  maximum pending requests exceeded")
        try:
            yield
        finally:
            self._pass_on(model_key, line)

    async def _wait(self, model_key: str, line: _Line, client: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        line.queue.push(turn, client=client)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(model_key, line)
            else:
                line.queue.remove(turn)
            raise

    def _pass_on(self, model_key: str, line: _Line) -> None:
        while line.queue:
            turn = line.queue.pop()
            if not turn.done():
                turn.set_result(None)
                return
        line.num_running -= 1
        if not line.num_running:
            del self._lines[model_key]
