"""The sha256 of a file that is still being written: computed as far as the file is there without a gap.

So the check of a large download is over soon after its last byte, and what is checked is what lies in the file.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial

from inference.library.registry.partial import Partial

_CHUNK_BYTES = 4 * 1024**2
_BUFFER_BYTES = 256 * 1024


class FollowingHash:
    """`run` runs a function in a thread."""

    def __init__(self, file: Partial, total: int, run: Callable[[Callable[[], int]], Awaitable[int]]) -> None:
        self._file = file
        self._total = total
        self._run = run
        self._hash = hashlib.sha256()
        self._position = 0
        self._buffer = bytearray(_BUFFER_BYTES)
        self._grown = asyncio.Event()

    def wake(self) -> None:
        """There may be more of the file."""
        self._grown.set()

    async def digest(self) -> str:
        """`sha256:<hex>` of the whole file, once all of it is there. Raises `OSError`."""
        while self._position < self._total:
            self._grown.clear()
            ready = self._file.contiguous
            # Little by little would keep the thread busy with beginnings.
            if ready == self._total or ready - self._position >= _CHUNK_BYTES:
                self._position = await self._run(partial(self._hash_to, ready))
            else:
                await self._grown.wait()
        return f"sha256:{self._hash.hexdigest()}"

    def _hash_to(self, end: int) -> int:
        position = self._position
        end = min(end, position + 16 * _CHUNK_BYTES)
        view = memoryview(self._buffer)
        while position < end:
            count = min(self._file.read_into(self._buffer, position), end - position)
            if not count:
                raise OSError("the file is shorter than it was")
            self._hash.update(view[:count])
            position += count
        return position
