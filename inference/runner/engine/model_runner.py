"""What the engine needs of a model. The engine knows no other thing about llama.cpp."""

from collections.abc import Sequence
from typing import Any, Protocol

from inference.runner.engine.batch import Chunk
from inference.runner.messages import SamplingParams, TokenLogprob


class Sampler(Protocol):
    """Belongs to one request; its state is the tokens it has drawn."""

    def close(self) -> None: ...


class Constraint(Protocol):
    """What one answer has to look like."""

    def close(self) -> None: ...


class SamplingFailed(Exception):
    """No token can be drawn for a request; the text is a sentence for the one who asked."""


class ModelRunner(Protocol):
    """Used by one thread only."""

    num_slots: int
    #: Tokens one slot holds.
    num_ctx: int
    #: Rows one decode call takes.
    num_batch: int
    #: Whether the end of a sequence can be forgotten, as far as a kind of model knows beforehand.
    can_trim: bool
    #: Whether a saved state is of use for less than all its tokens.
    can_cut_saved: bool

    def decode(self, chunks: Sequence[Chunk], /) -> None:
        """Raises `DecodeFailed`."""

    def decode_media(self, seq_id: int, position: int, media: Any, /) -> None:
        """Computes the media of a span; no row of the last batch can be asked for afterwards. Raises `DecodeFailed`."""

    def trim(self, seq_id: int, num_tokens: int, /) -> bool:
        """Forgets what follows the first `num_tokens` tokens of a sequence; False when only all of it can be forgotten."""

    def copy(self, source: int, target: int, /) -> None:
        """Makes one sequence hold what another holds."""

    def saved_size(self, seq_id: int, /) -> int:
        """Bytes of what `save` would give."""

    def save(self, seq_id: int, /) -> bytearray | None:
        """A sequence's state; None when it cannot be had."""

    def restore(self, seq_id: int, payload: bytearray, /) -> bool:
        """Makes a sequence hold what was saved; False, and the sequence is then to be cleared, when that is no such state."""

    def shift(self, seq_id: int, start: int, count: int, /) -> bool:
        """Takes `count` tokens from `start` on out of a sequence and moves up what follows; False when that cannot be
        done, and then nothing is changed."""

    def new_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int], constraint: Any, /) -> Sampler:
        """The sampler closes the constraint, if there is one, with itself."""

    def sample(self, sampler: Any, row: int, /) -> int:
        """Draws from the logits of a row of the last batch. Raises `SamplingFailed`."""

    def logprob(self, row: int, token: int, num_top: int, /) -> TokenLogprob:
        """How likely a token was at a row of the last batch, beside the `num_top` likeliest."""

    def is_cut_short(self, sampler: Any, cut: str, /) -> bool:
        """Whether what the constraint demands is not whole where `cut`, the end of what was drawn, is left out. False for a
        sampler without one."""

    def is_end(self, token: int, /) -> bool: ...

    def piece(self, token: int, /) -> bytes: ...
