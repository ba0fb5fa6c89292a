"""Jobs of the kind `optimise`: a model is written anew as this processor runs it fastest. The result is an `Optimised`."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

import msgspec

from inference.errors import InvalidRequest
from inference.jobs.work import Result
from inference.jobs.works.bench import check_local_name
from inference.library.progress import Progress

if TYPE_CHECKING:
    from inference.benchmark.optimise import Optimiser

_LARGEST_LIMIT = 10.0


class OptimiseRequest(msgspec.Struct, frozen=True):
    """`perplexity_limit`: so many times the perplexity of the model as it is may the new one have."""

    model: str = ""
    destination: str = ""
    perplexity_limit: float = 1.1


class OptimiseWork:
    kind: ClassVar = "optimise"
    request: ClassVar = OptimiseRequest
    can_pause: ClassVar = False
    is_heavy: ClassVar = True
    counts_together: ClassVar = False

    def __init__(self, optimiser: Callable[[], "Optimiser"]) -> None:
        self._optimiser = optimiser

    def check(self, request: OptimiseRequest) -> str:
        check_local_name(request.model)
        if request.destination:
            check_local_name(request.destination, "invalid destination name")
        if not 1.0 <= request.perplexity_limit <= _LARGEST_LIMIT:
            raise InvalidRequest(f"perplexity_limit must be between 1 and {_LARGEST_LIMIT:.0f}")
        return request.model

    async def run(self, request: OptimiseRequest) -> AsyncGenerator[Progress | Result]:
        work = self._optimiser().optimise(request.model, request.destination, most_perplexity=request.perplexity_limit)
        async with aclosing(work) as steps:
            async for step in steps:
                yield step if isinstance(step, Progress) else Result(msgspec.to_builtins(step))

    async def discard(self, request: OptimiseRequest, digests: Collection[str]) -> None:
        """What it tried has gone with it."""
