"""Brings the bytes of one blob from its registry into its partial file, through whatever failures may pass."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from inference.errors import NotInRegistry, RegistryError
from inference.library.manifests import Layer
from inference.library.registry.bandwidth import Bandwidth
from inference.library.registry.partial import Part, Partial
from inference.library.registry.patience import PassingFailure
from inference.library.registry.repository import Repository, check_status

RunInThread = Callable[[Callable[[], Any]], Awaitable[Any]]

_FLUSH_BYTES = 1024**2
_FLUSH_S = 0.5
#: A try that brings at least so much is no failure.
_PROGRESS_BYTES = 64 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\Z")


class RangesIgnored(Exception):
    """The server sends the whole blob whatever part of it is asked for."""


class Transfer:
    """`run` runs a function in a thread and waits for it; `grown` is called whenever there is more in the file."""

    def __init__(
        self,
        repository: Repository,
        layer: Layer,
        file: Partial,
        *,
        bandwidth: Bandwidth,
        run: RunInThread,
        grown: Callable[[], None],
    ) -> None:
        self._repository = repository
        self._layer = layer
        self._file = file
        self._bandwidth = bandwidth
        self._run = run
        self._grown = grown

    async def fetch_part(self, part: Part) -> None:
        """Raises `RangesIgnored`, `RegistryError` or `OSError`."""
        await self._persist(lambda: self._try_part(part), lambda: part.remaining)

    async def fetch_whole(self) -> None:
        """From a server that cannot begin in the middle. Raises `RegistryError` or `OSError`."""
        await self._persist(self._try_whole, lambda: self._layer.size - self._file.completed)

    async def _persist(self, attempt: Callable[[], Awaitable[None]], remaining: Callable[[], int]) -> None:
        patience = self._repository.patience
        failures = 0
        while (before := remaining()) > 0:
            try:
                await attempt()
                if remaining() == before:
                    raise PassingFailure("the registry sends nothing")
            except PassingFailure as failure:
                failures = 1 if before - remaining() >= _PROGRESS_BYTES else failures + 1
                if remaining() == 0:
                    return
                if failures >= patience.tries:
                    raise RegistryError(f"max retries exceeded: {failure}") from None
                await asyncio.sleep(patience.wait_after(failures, failure.retry_after))

    async def _try_part(self, part: Part) -> None:
        async with self._repository.open_blob(self._layer.digest, part.position, part.end) as response:
            if response.status_code == HTTPStatus.OK and part.remaining < self._layer.size:
                raise RangesIgnored
            await self._check(response, part.position)
            await self._read(response, part.remaining, partial(self._file.write, part))

    async def _try_whole(self) -> None:
        position = 0

        def write(chunks: list[bytes]) -> None:
            nonlocal position
            position = self._file.write_from_beginning(position, chunks)

        async with self._repository.open_blob(self._layer.digest, 0, None) as response:
            await self._check(response, 0)
            await self._read(response, self._layer.size, write)
        if position < self._layer.size:
            raise PassingFailure("the connection to the registry was lost")

    async def _read(self, response: httpx.Response, wanted: int, write: Callable[[list[bytes]], None]) -> None:
        chunks: list[bytes] = []
        waiting, flushed = 0, time.monotonic()
        try:
            async for chunk in response.aiter_raw():
                await self._bandwidth.take(len(chunk))
                is_too_long = len(chunk) > wanted
                chunks.append(chunk[:wanted] if is_too_long else chunk)
                waiting, wanted = waiting + len(chunks[-1]), wanted - len(chunks[-1])
                if waiting >= _FLUSH_BYTES or time.monotonic() - flushed > _FLUSH_S:
                    full, chunks, waiting, flushed = chunks, [], 0, time.monotonic()
                    await self._run(partial(write, full))
                    self._grown()
                if is_too_long:
                    break
        finally:
            if waiting:
                write(chunks)
            self._grown()

    async def _check(self, response: httpx.Response, position: int) -> None:
        """Raises `RegistryError` where the registry contradicts the manifest, before anything of it is written."""
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise NotInRegistry(f"the registry does not have the blob {self._layer.digest}")
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise RegistryError(f"the registry's blob {self._layer.digest} is shorter than its manifest says")
        await check_status(response)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RegistryError("the registry sends the blob in another form than it was asked for")
        start, total = _extent(response)
        if total not in (None, self._layer.size):
            raise RegistryError(
                f"the registry's blob {self._layer.digest} has {total} bytes, and its manifest says {self._layer.size}"
            )
        if start != position:
            raise PassingFailure("the registry sends another part than it was asked for")


def _extent(response: httpx.Response) -> tuple[int, int | None]:
    """Where what is sent begins, and how long the whole is where that is said."""
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        length = response.headers.get("content-length", "")
        return 0, int(length) if length.isascii() and length.isdecimal() else None
    match = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
    if match is None:
        return -1, None
    return int(match[1]), None if match[3] == "*" else int(match[3])
