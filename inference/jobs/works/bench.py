"""Jobs of the kind `bench`: how fast a model is here. The result is a `BenchResult`."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

import msgspec

from inference.errors import InvalidRequest
from inference.jobs.work import Result
from inference.library.names import InvalidName, parse_name
from inference.library.progress import Progress

if TYPE_CHECKING:
    from inference.benchmark.bench import Bencher


class BenchRequest(msgspec.Struct, frozen=True):
    model: str = ""


class BenchWork:
    kind: ClassVar = "bench"
    request: ClassVar = BenchRequest
    can_pause: ClassVar = False
    is_heavy: ClassVar = True
    counts_together: ClassVar = False

    def __init__(self, bencher: Callable[[], "Bencher"]) -> None:
        self._bencher = bencher

    def check(self, request: BenchRequest) -> str:
        check_local_name(request.model)
        return request.model

    async def run(self, request: BenchRequest) -> AsyncGenerator[Progress | Result]:
        async with aclosing(self._bencher().bench(request.model)) as steps:
            async for step in steps:
                yield step if isinstance(step, Progress) else Result(msgspec.to_builtins(step))

    async def discard(self, request: BenchRequest, digests: Collection[str]) -> None:
        """It leaves nothing."""


def check_local_name(name: str, refusal: str = "invalid model name") -> None:
    """Raises `InvalidRequest`."""
    if not name:
        raise InvalidRequest("model is required")
    try:
        parse_name(name)
    except InvalidName:
        raise InvalidRequest(refusal) from None
