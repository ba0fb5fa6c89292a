"""Work that reads and writes large files, done in a thread: it says how far it is, and ends when its reader leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from inference.library.blobs import Advance
from inference.library.progress import Progress

T = TypeVar("T")
_REPORT_S = 0.1


class _Left(Exception):
    """Nobody waits for the work any more."""


class FileWork(Generic[T]):
    """`work` is given a function to tell how many bytes more are done; what it returns is `result` at the end."""

    def __init__(self, work: Callable[[Advance], T], *, status: str, total: int, digest: str = "") -> None:
        self._work = work
        self._status, self._total, self._digest = status, total, digest
        self._completed = 0
        self._has_left = False
        self._result: list[T] = []

    @property
    def result(self) -> T:
        return self._result[0]

    async def run(self) -> AsyncGenerator[Progress, None]:
        """Progress about ten times a second. Raises what the work raises."""
        task = asyncio.create_task(asyncio.to_thread(self._work, self._advance))
        yield self._progress()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_REPORT_S)
                yield self._progress()
            self._result.append(task.result())
        finally:
            self._has_left = True
            if not task.done():
                task.add_done_callback(_take_note)

    def _advance(self, num_bytes: int) -> None:
        if self._has_left:
            raise _Left
        self._completed += num_bytes

    def _progress(self) -> Progress:
        completed = min(self._completed, self._total)
        return Progress(status=self._status, digest=self._digest, total=self._total, completed=completed)


def _take_note(task: "asyncio.Task[object]") -> None:
    """Of how the work ended, so that nothing warns that nobody did."""
    if not task.cancelled():
        task.exception()
