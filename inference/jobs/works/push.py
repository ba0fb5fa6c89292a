"""Jobs of the kind `push`: a model goes to its registry. The registry keeps the blobs that have arrived whole."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

import msgspec

from inference.jobs.works.pull import check_remote_name
from inference.library.progress import Progress

if TYPE_CHECKING:
    from inference.library.registry.pushes import Pushes


class PushRequest(msgspec.Struct, frozen=True):
    model: str = ""
    insecure: bool = False


class PushWork:
    kind: ClassVar = "push"
    request: ClassVar = PushRequest
    can_pause: ClassVar = True
    is_heavy: ClassVar = False
    counts_together: ClassVar = True

    def __init__(self, pushes: Callable[[], "Pushes"]) -> None:
        self._pushes = pushes

    def check(self, request: PushRequest) -> str:
        check_remote_name(request.model, insecure=request.insecure)
        return request.model

    async def run(self, request: PushRequest) -> AsyncGenerator[Progress, None]:
        async with aclosing(self._pushes().push(request.model, insecure=request.insecure)) as steps:
            async for step in steps:
                yield step

    async def discard(self, request: PushRequest, digests: Collection[str]) -> None:
        """Nothing of it is here."""
