"""Jobs of the kind `pull`: a model comes from its registry. A pause keeps what has come, a cancellation does not."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

import msgspec

from inference.errors import InvalidRequest
from inference.library.progress import Progress

if TYPE_CHECKING:
    from inference.library.registry.pulls import Pulls


class PullRequest(msgspec.Struct, frozen=True):
    model: str = ""
    insecure: bool = False


class PullWork:
    kind: ClassVar = "pull"
    request: ClassVar = PullRequest
    can_pause: ClassVar = True
    is_heavy: ClassVar = False
    counts_together: ClassVar = True

    def __init__(self, pulls: Callable[[], "Pulls"]) -> None:
        self._pulls = pulls

    def check(self, request: PullRequest) -> str:
        check_remote_name(request.model, insecure=request.insecure)
        return request.model

    async def run(self, request: PullRequest) -> AsyncGenerator[Progress, None]:
        async with aclosing(self._pulls().pull(request.model, insecure=request.insecure)) as steps:
            async for step in steps:
                yield step

    async def discard(self, request: PullRequest, digests: Collection[str]) -> None:
        await asyncio.to_thread(self._pulls().discard, request.model, digests)


def check_remote_name(name: str, *, insecure: bool) -> None:
    """Raises `InvalidRequest`."""
    from inference.library.registry.remote_name import parse_remote_name

    if not name:
        raise InvalidRequest("model is required")
    parse_remote_name(name, insecure=insecure)
