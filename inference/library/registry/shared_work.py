"""Work that several ask for is done once; all of them follow its progress, and it ends when the last one leaves."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from inference.errors import RuntimeShuttingDown
from inference.library.progress import Progress

Report = Callable[[Progress], None]
Work = Callable[[Report], Awaitable[None]]

#: Readers are told about as often as an eye can follow.
INTERVAL_S = 0.1


class SharedWork:
    """One piece of running work and the steps it has reported: of each step only its latest state is kept."""

    def __init__(self, work: Work) -> None:
        self._steps: list[Progress] = []
        self._num_readers = 0
        self.is_ending = False
        self.task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Work) -> None:
        await work(self._report)

    def _report(self, step: Progress) -> None:
        last = self._steps[-1] if self._steps else None
        if last is not None and (last.status, last.digest) == (step.status, step.digest):
            self._steps[-1] = step
        else:
            self._steps.append(step)

    async def follow(self) -> AsyncGenerator[Progress, None]:
        """From its first step on, whenever one begins to follow. Raises what the work raises."""
        self._num_readers += 1
        try:
            index, shown = 0, None
            await asyncio.sleep(0)
            while True:
                is_done = self.task.done()
                while index < len(self._steps):
                    if self._steps[index] is not shown:
                        shown = self._steps[index]
                        yield shown
                    elif index + 1 < len(self._steps):
                        index, shown = index + 1, None
                    else:
                        break
                if is_done:
                    break
                await asyncio.wait({self.task}, timeout=INTERVAL_S)
            if self.task.cancelled():
                raise RuntimeShuttingDown("Hearth is stopping; ask again to go on from here")
            self.task.result()
        finally:
            self._num_readers -= 1
            if self._num_readers == 0 and not self.task.done():
                await self.cancel()

    async def cancel(self) -> None:
        """Returns when the work has ended."""
        self.is_ending = True
        self.task.cancel()
        await asyncio.wait({self.task})


class SharedWorks:
    """Running work by what it is about."""

    def __init__(self) -> None:
        self._running: dict[str, SharedWork] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._running

    async def follow(self, key: str, work: Work) -> AsyncGenerator[Progress, None]:
        """Joins what runs under this key, or begins `work`. Closing the iterator leaves it."""
        while (running := self._running.get(key)) is not None and running.is_ending and not running.task.done():
            await asyncio.wait({running.task})
        if running is None or running.task.done():
            running = self._begin(key, work)
        async with aclosing(running.follow()) as steps:
            async for step in steps:
                yield step

    def _begin(self, key: str, work: Work) -> SharedWork:
        begun = self._running[key] = SharedWork(work)
        begun.task.add_done_callback(lambda _: self._remove(key, begun))
        return begun

    async def close(self) -> None:
        for running in list(self._running.values()):
            await running.cancel()

    def _remove(self, key: str, work: SharedWork) -> None:
        if self._running.get(key) is work:
            del self._running[key]
        if not work.task.cancelled():
            # Whoever follows is told; when all have just left, nobody asks for it.
            work.task.exception()
