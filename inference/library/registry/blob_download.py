"""One blob on its way into the library: parts in parallel, the check, and then its place among the blobs."""

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from inference.errors import DigestMismatch, InferenceError, LibraryFailed, NotEnoughDisk
from inference.library.manifests import Layer
from inference.library.progress import Progress
from inference.library.registry.bandwidth import Bandwidth
from inference.library.registry.following_hash import FollowingHash
from inference.library.registry.partial import Partial
from inference.library.registry.repository import Repository
from inference.library.registry.shared_work import Report
from inference.library.registry.transfer import RangesIgnored, Transfer

VERIFYING = "verifying sha256 digest"
_CONNECTIONS = 8


class BlobDownload:
    """`threads` does what waits for the disk."""

    def __init__(self, repository: Repository, layer: Layer, path: Path, *, bandwidth: Bandwidth, threads: Executor) -> None:
        self._repository = repository
        self._layer = layer
        self._path = path
        self._bandwidth = bandwidth
        self._threads = threads

    async def run(self, report: Report) -> None:
        """Reports "pulling …", and "verifying sha256 digest" once all has come. Raises `InferenceError`.

        What an earlier download left may have been harmed by a power cut: when the check fails then, all is fetched anew, once.
        """
        try:
            if not await self._fetch(report):
                await self._fetch(report)
        except OSError as error:
            raise _disk_error(error) from error

    async def _fetch(self, report: Report) -> bool:
        """False when it has to be begun again."""
        layer = self._layer
        file: Partial = await self._in_thread(lambda: Partial(self._path, layer.size))
        hashing = FollowingHash(file, layer.size, self._in_thread)

        def grown() -> None:
            report(pulling(layer, file.completed))
            hashing.wake()

        transfer = Transfer(self._repository, layer, file, bandwidth=self._bandwidth, run=self._in_thread, grown=grown)
        digest = asyncio.create_task(hashing.digest())
        try:
            grown()
            await _fetch_all(transfer, file)
            report(Progress(status=VERIFYING))
            found = await digest
            if found == layer.digest:
                await self._in_thread(file.finish)
                return True
            await self._in_thread(file.discard)
            if not file.is_resumed:
                raise DigestMismatch(f"digest mismatch, file must be downloaded again: want {layer.digest}, got {found}")
            return False
        finally:
            digest.cancel()
            await asyncio.gather(digest, return_exceptions=True)
            file.close()

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        """Waits for it even when cancelled: the file must not be closed under it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait({future})
            raise


async def _fetch_all(transfer: Transfer, file: Partial) -> None:
    waiting = deque(part for part in file.parts if part.remaining)

    async def fetch_parts() -> None:
        while waiting:
            await transfer.fetch_part(waiting.popleft())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_CONNECTIONS, len(waiting))):
                group.create_task(fetch_parts())
        return
    except ExceptionGroup as failures:
        error = failures.exceptions[0]
    if not isinstance(error, RangesIgnored):
        raise error
    await transfer.fetch_whole()


def pulling(layer: Layer, completed: int) -> Progress:
    name = layer.digest.removeprefix("sha256:")[:12]
    return Progress(status=f"pulling {name}", digest=layer.digest, total=layer.size, completed=completed)


def _disk_error(error: OSError) -> InferenceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NotEnoughDisk("the disk of the models folder is full: free some space, then pull again to go on from here")
    return LibraryFailed(f"the models folder cannot be written: {error.strerror or error}")
