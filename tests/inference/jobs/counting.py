"""Work that counts to a number, one for each time it is let."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import ClassVar

import msgspec

from inference.errors import InvalidRequest
from inference.jobs import Result
from inference.library.progress import Progress


class CountRequest(msgspec.Struct, frozen=True):
    model: str = ""
    to: int = 3


class CountWork:
    kind: ClassVar[str] = "count"
    request: ClassVar = CountRequest
    can_pause: ClassVar[bool] = True
    is_heavy: ClassVar[bool] = False
    counts_together: ClassVar[bool] = False

    def __init__(self) -> None:
        self.steps_allowed = asyncio.Semaphore(0)
        self.done: dict[str, int] = {}
        self.begun: list[str] = []
        self.running: set[str] = set()
        self.discarded: list[tuple[str, list[str]]] = []
        self.failure: Exception | None = None

    def let(self, steps: int = 1000) -> None:
        for _ in range(steps):
            self.steps_allowed.release()

    def check(self, request: CountRequest) -> str:
        if not request.model:
            raise InvalidRequest("model is required")
        return request.model

    async def run(self, request: CountRequest) -> AsyncGenerator[Progress | Result, None]:
        self.begun.append(request.model)
        self.running.add(request.model)
        try:
            while self.done.setdefault(request.model, 0) < request.to:
                yield Progress(status="counting", digest="sha256:1", total=request.to, completed=self.done[request.model])
                await self.steps_allowed.acquire()
                if self.failure is not None:
                    raise self.failure
                self.done[request.model] += 1
            yield Result({"counted": request.to})
            yield Progress(status="success")
        finally:
            self.running.discard(request.model)

    async def discard(self, request: CountRequest, digests: Collection[str]) -> None:
        self.discarded.append((request.model, list(digests)))


class HeavyWork(CountWork):
    kind: ClassVar[str] = "heavy"
    can_pause: ClassVar[bool] = False
    is_heavy: ClassVar[bool] = True
