"""What a kind of work has to offer so that jobs of it can be made."""

from collections.abc import AsyncGenerator, Collection
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from inference.library.progress import Progress


class Result(msgspec.Struct, frozen=True):
    """What the work found out, as JSON; may come once among its steps."""

    value: dict[str, Any]


Step = Progress | Result
Steps = AsyncGenerator[Step, None] | AsyncGenerator[Progress, None]
R = TypeVar("R", bound=msgspec.Struct)


class Work(Protocol[R]):
    """One kind. `run` may be closed or cancelled at any moment, and is begun anew after that with the same request: what is
    worth keeping in between is up to it."""

    kind: ClassVar[str]
    #: Whether an interrupted one goes on from where it was.
    can_pause: ClassVar[bool]
    #: Whether it takes the processor, so that one at a time is enough.
    is_heavy: ClassVar[bool]
    #: Whether its steps count several things at once, each named by its digest; otherwise each step replaces the one before.
    counts_together: ClassVar[bool]

    @property
    def request(self) -> type[R]:
        """What a job of this kind is asked for with. It is kept on the disk: nothing secret belongs into it."""

    def check(self, request: R) -> str:
        """The name of the model it is about. Raises `InferenceError` for what can be refused at once."""

    def run(self, request: R) -> Steps:
        """Raises `InferenceError` or `LibraryError`."""

    async def discard(self, request: R, digests: Collection[str]) -> None:
        """Removes what an unfinished one has left, when it is cancelled; `digests` are those that its steps have named."""
