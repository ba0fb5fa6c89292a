"""What the engine needs of a model. The engine knows no other thing about llama.cpp."""

from collections.abc import Sequence
from typing import Any, Protocol

from inference.runner.engine.batch import Chunk
from inference.runner.messages import SamplingParams


class Sampler(Protocol):
    """Belongs to one request; its state is the tokens it has drawn."""

    def close(self) -> None: ...


class ModelRunner(Protocol):
    """Used by one thread only."""

    num_slots: int
    #: Tokens one slot holds.
    num_ctx: int
    #: Rows one decode call takes.
    num_batch: int

    def decode(self, chunks: Sequence[Chunk], /) -> None:
        """Raises `DecodeFailed`."""

    def trim(self, seq_id: int, num_tokens: int, /) -> bool:
        """Forgets what follows the first `num_tokens` tokens of a sequence; False when only all of it can be forgotten."""

    def new_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int], /) -> Sampler: ...

    def sample(self, sampler: Any, row: int, /) -> int:
        """Draws from the logits of a row of the last batch."""

    def is_end(self, token: int, /) -> bool: ...

    def piece(self, token: int, /) -> bytes: ...
