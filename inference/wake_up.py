"""Wakes the one reader of something that comes piece by piece."""

import asyncio


class WakeUp:
    """An `asyncio.Event` for one reader. That one looks up its event loop at every wait, for which Python asks the system who it
    is: beside a model that computes on all cores, a call for each token of each stream is felt."""

    __slots__ = ("_future", "_is_set", "_loop")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._future: asyncio.Future[None] | None = None
        self._is_set = False

    @property
    def is_waited_for(self) -> bool:
        """Whether the reader waits, and was not told to go on."""
        return self._future is not None and not self._future.done()

    def set(self) -> None:
        """The reader goes on, or does not wait when it comes. From the loop's own thread only."""
        self._is_set = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> None:
        """Until it is set."""
        if self._is_set:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        future = self._future = self._loop.create_future()
        try:
            await future
        finally:
            # A reader that was cancelled may leave after the next one has come.
            if self._future is future:
                self._future = None
