"""Whoever's key ends loses the answers that are running: a key is asked about when a request comes, and as long as it goes on.

One query for all requests that are open, twice a second while there are any. So it does not matter which process a key was
revoked in, or that nobody did anything and it expired; and a token costs nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError

from webui.api.database import in_database
from webui.api.keys import opens
from webui.api.routes import Door
from webui.services.api_keys import KeyHolder, holders_of

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True, eq=False)
class _Open:
    """A request that is being answered."""

    holder: KeyHolder
    door: Door
    end: Callable[[], None]


class KeyWatch:
    """Of one process, on its event loop."""

    def __init__(self) -> None:
        self._open: set[_Open] = set()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, holder: KeyHolder, door: Door, end: Callable[[], None]) -> Iterator[None]:
        """Inside, `end` is called once, soon after the key no longer opens `door`."""
        request = _Open(holder, door, end)
        self._open.add(request)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on())
        try:
            yield
        finally:
            self._open.discard(request)

    async def _look_on(self) -> None:
        while self._open:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                await self._look()
            except DatabaseError:
                logger.exception("API keys of running answers could not be looked up; it is tried again")

    async def _look(self) -> None:
        if not (looked_at := list(self._open)):
            return
        holders = await in_database(holders_of, {request.holder.key_id for request in looked_at})
        for request in looked_at:
            holder = holders.get(request.holder.key_id)
            if request in self._open and not (holder and opens(holder, request.door)):
                self._open.discard(request)
                logger.info("A running request of the API key %s was ended with the key", request.holder.key_id)
                request.end()


key_watch = KeyWatch()
