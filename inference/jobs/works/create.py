"""Jobs of the kind `create`: a model comes from another one, or from blobs that were uploaded."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from inference.creation.create import create_model
from inference.creation.request import CreateRequest, check_request
from inference.library.models import Library
from inference.library.progress import Progress

if TYPE_CHECKING:
    from inference.library.registry.pulls import Pulls


class CreateWork:
    kind: ClassVar = "create"
    request: ClassVar = CreateRequest
    can_pause: ClassVar = False
    is_heavy: ClassVar = True
    counts_together: ClassVar = False

    def __init__(self, library: Library, pulls: Callable[[], "Pulls"]) -> None:
        self._library = library
        self._pulls = pulls

    def check(self, request: CreateRequest) -> str:
        check_request(request, self._library.blobs)
        return request.asked_model

    async def run(self, request: CreateRequest) -> AsyncGenerator[Progress, None]:
        async with aclosing(create_model(self._library, request, pull=self._pulls().pull)) as steps:
            async for step in steps:
                yield step

    async def discard(self, request: CreateRequest, digests: Collection[str]) -> None:
        """Nothing is left of a model that did not come about."""
