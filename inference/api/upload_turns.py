"""Who writes an upload: one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class UploadTurns:
    """A newcomer ends the turn before: a page that was reloaded goes on while the server may still wait for the bytes that
    its old connection was to bring."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._turns: dict[str, asyncio.Timeout] = {}

    @asynccontextmanager
    async def take(self, upload_id: str) -> AsyncIterator[None]:
        """Raises `TimeoutError` in the block of whoever was first when another one comes."""
        before = self._turns.get(upload_id)
        if before is not None and not before.expired():
            before.reschedule(asyncio.get_running_loop().time())
        lock = self._locks.setdefault(upload_id, asyncio.Lock())
        async with lock, asyncio.timeout(None) as turn:
            self._turns[upload_id] = turn
            try:
                yield
            finally:
                del self._turns[upload_id]
