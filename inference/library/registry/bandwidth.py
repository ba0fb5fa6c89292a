"""A cap on what all downloads together take from the network (`HEARTH_DOWNLOAD_LIMIT`)."""

import asyncio
import time


class Bandwidth:
    """`limit` in bytes/s; 0: none. Whoever has read something waits until it would have come at that rate."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        #: When all that was read so far has come, on the clock of `time.monotonic`.
        self._paid_until = 0.0

    async def take(self, num_bytes: int) -> None:
        if not self._limit:
            return
        now = time.monotonic()
        self._paid_until = max(self._paid_until, now) + num_bytes / self._limit
        if self._paid_until > now:
            await asyncio.sleep(self._paid_until - now)
