"""A place in the KV cache that holds one sequence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inference.runner.engine.request import Request

if TYPE_CHECKING:
    from inference.runner.engine.kv_store import StoredState

_BLOCK = 256


class Slot:
    """`tokens` are those whose state is in the KV cache, at positions 0, 1, 2…; they outlive the request that brought them,
    so that the next one with the same beginning need not compute it again."""

    __slots__ = ("last_used", "loading", "num_public_tokens", "request", "scope", "seq_id", "tokens")

    def __init__(self, seq_id: int) -> None:
        self.seq_id = seq_id
        self.tokens: list[int] = []
        self.request: Request | None = None
        #: Rises with each admission; 0 for a slot never used.
        self.last_used = 0
        #: For whom the tokens were computed, and how many of the first are such as everybody knows.
        self.scope = ""
        self.num_public_tokens = 0
        #: What is being brought back into this slot; nothing is computed in it meanwhile.
        self.loading: StoredState | None = None

    @property
    def num_computed_tokens(self) -> int:
        return len(self.tokens)

    @property
    def num_pending_tokens(self) -> int:
        return len(self.request.tokens) - len(self.tokens) if self.request else 0

    @property
    def is_generating(self) -> bool:
        """The whole prompt is computed and a token was sampled after it."""
        request = self.request
        return request is not None and len(self.tokens) + request.num_shifted_tokens >= request.num_prompt_tokens

    def forget(self) -> None:
        self.tokens = []


def common_prefix(left: Sequence[int], right: Sequence[int], start: int = 0) -> int:
    """Number of tokens with which both begin, of which the first `start` are known to be the same. Compares in blocks: one
    comparison a token would be felt in long prompts."""
    shorter = min(len(left), len(right))
    while start < shorter and left[start : start + _BLOCK] == right[start : start + _BLOCK]:
        start += _BLOCK
    start = min(start, shorter)
    while start < shorter and left[start] == right[start]:
        start += 1
    return start
