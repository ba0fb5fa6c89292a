"""A place in the KV cache that holds one sequence."""

from inference.runner.engine.request import Request

_BLOCK = 256


class Slot:
    """`tokens` are those whose state is in the KV cache, at positions 0, 1, 2…; they outlive the request that brought them,
    so that the next one with the same beginning need not compute it again."""

    __slots__ = ("last_used", "request", "seq_id", "tokens")

    def __init__(self, seq_id: int) -> None:
        self.seq_id = seq_id
        self.tokens: list[int] = []
        self.request: Request | None = None
        #: Rises with each admission; 0 for a slot never used.
        self.last_used = 0

    @property
    def num_computed_tokens(self) -> int:
        return len(self.tokens)

    @property
    def num_pending_tokens(self) -> int:
        return len(self.request.tokens) - len(self.tokens) if self.request else 0

    @property
    def is_generating(self) -> bool:
        """The whole prompt is computed and a token was sampled after it."""
        return self.request is not None and len(self.tokens) >= self.request.num_prompt_tokens

    def forget(self) -> None:
        self.tokens = []


def common_prefix(left: list[int], right: list[int]) -> int:
    """Number of tokens with which both begin. Compares in blocks: one comparison a token would be felt in long prompts."""
    shorter = min(len(left), len(right))
    start = 0
    while start < shorter and left[start : start + _BLOCK] == right[start : start + _BLOCK]:
        start += _BLOCK
    start = min(start, shorter)
    while start < shorter and left[start] == right[start]:
        start += 1
    return start
