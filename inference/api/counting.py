"""Counts requests by path and status."""

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.api.errors import CLIENT_CLOSED_REQUEST
from inference.metrics import Metrics

#: Stands for every path that is none of ours, so that nobody can fill the table with inventions.
OTHER = "other"


class CountRequests:
    """Sees the status go by; a request whose client went away before one was sent counts as 499."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = CLIENT_CLOSED_REQUEST

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            path = scope["path"] if scope["path"] in self._paths else OTHER
            self._metrics.requests[path, int(status)] += 1
