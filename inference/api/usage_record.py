"""What requests of key holders took, for the web process to ask about where it did not hear: `GET /api/hearth/usage/{id}`.

The web process gives each request that it passes on an id of its own making, in the header `Hearth-Request`. When its client
goes away, or its key ends, it closes the connection, which ends the work, and asks by that id. The question may overtake the
request: then it is waited for. Nothing here grows: the oldest that have ended are forgotten.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from inference.api.caller import is_forwarded
from inference.api.hosts import is_unix
from inference.api.request_usage import RequestUsage, keep_usage

REQUEST_HEADER = b"hearth-request"
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
#: Requests that are remembered, and for how long after their end.
MOST_KEPT = 4096
KEPT_S = 120.0
#: For a request that is not here yet, and for the end of one that is.
_PATIENCE_S = 2.0
_LONGEST_WAIT_S = 30.0


class UsageRecord:
    """By request id, the oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._usages: OrderedDict[str, RequestUsage] = OrderedDict()
        #: When a request ended; those that are open are not in here.
        self._ended: OrderedDict[str, float] = OrderedDict()
        #: Questions about requests that have not come.
        self._awaited: dict[str, asyncio.Future[RequestUsage]] = {}

    def __len__(self) -> int:
        return len(self._usages)

    def begin(self, request_id: str) -> RequestUsage:
        usage = self._usages[request_id] = RequestUsage()
        self._ended.pop(request_id, None)
        if (awaited := self._awaited.get(request_id)) is not None and not awaited.done():
            awaited.set_result(usage)
        return usage

    def end(self, request_id: str, usage: RequestUsage) -> None:
        """Its answer is over, though perhaps not yet what is computed for it."""
        usage.close()
        if self._usages.get(request_id) is usage:
            self._ended[request_id] = self._clock()
            self._forget_old()

    async def counts_of(self, request_id: str, *, patience_s: float = _PATIENCE_S) -> dict[str, int] | None:
        """Once nothing is computed for it any more, after which it is forgotten. None for a request that does not come within
        `patience_s`, or was asked about before."""
        if not _ID.fullmatch(request_id):
            return None
        usage = self._usages.get(request_id) or await self._coming(request_id, patience_s)
        if usage is None:
            return None
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await usage.wait_until_over()
        except TimeoutError:
            return usage.counts()
        if self._usages.get(request_id) is usage:
            del self._usages[request_id]
            self._ended.pop(request_id, None)
        return usage.counts()

    async def _coming(self, request_id: str, patience_s: float) -> RequestUsage | None:
        if len(self._awaited) >= MOST_KEPT:
            return None
        awaited = self._awaited.setdefault(request_id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.shield(awaited)
        except TimeoutError:
            return None
        finally:
            if self._awaited.get(request_id) is awaited:
                del self._awaited[request_id]

    def _forget_old(self) -> None:
        too_old = self._clock() - KEPT_S
        while self._ended and (len(self._ended) > MOST_KEPT or next(iter(self._ended.values())) <= too_old):
            request_id, _ended_at = self._ended.popitem(last=False)
            self._usages.pop(request_id, None)


class KeepUsage:
    """Keeps a record of each request that the web process passes on under an id."""

    def __init__(self, app: ASGIApp, record: UsageRecord) -> None:
        self._app = app
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _id_of(scope)
        if not request_id:
            await self._app(scope, receive, send)
            return
        usage = self._record.begin(request_id)
        keep_usage(scope, usage)
        try:
            await self._app(scope, receive, send)
        finally:
            self._record.end(request_id, usage)


def _id_of(scope: Scope) -> str:
    """Empty for none. Only of what comes over the Unix socket in somebody's name."""
    if scope["type"] != "http" or not is_unix(scope) or not is_forwarded(scope):
        return ""
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == REQUEST_HEADER]
    return told[0] if len(told) == 1 and _ID.fullmatch(told[0]) else ""
