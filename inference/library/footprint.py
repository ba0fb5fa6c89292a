"""How much memory a model will take, foretold from its header. The test that measures it is `test_footprint_measured.py`."""

from dataclasses import dataclass

from inference.library.shape import ModelShape
from inference.library.tensor_types import CACHE_TYPES

#: llama.cpp rounds the context of a sequence up to whole blocks of this many tokens.
_CONTEXT_BLOCK = 256
_FLOAT = 4
#: Bytes of a row of the attention mask for each token of the context.
_MASK = 2
#: One candidate of a sampler: token, logit, probability.
_CANDIDATE = 12
#: What one entry of a vocabulary takes once it is read: its text, its score, its place in the tables (measured).
_VOCABULARY_ENTRY = 340
#: What a row of a batch needs between two layers, in multiples of the model's sizes (measured).
_EMBD_BUFFERS, _FF_BUFFERS = 4, 3
#: A runner that has loaded nothing (measured), and what the work itself adds: threads, requests, texts.
PROCESS_BYTES = 70 * 1024**2
_WORK_BYTES = 4 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes."""

    weights: int
    kv_cache: int
    #: Buffers of the computation and tables of the vocabulary.
    compute: int
    process: int = PROCESS_BYTES

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.compute + self.process


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """How the KV cache is to be kept."""

    cache_type: str = "f16"
    flash_attention: bool = True


def estimate(
    shape: ModelShape, *, num_ctx: int, num_slots: int, num_batch: int = 512, cache: CacheOptions | None = None
) -> Footprint:
    """Of a runner with `num_slots` sequences of `num_ctx` tokens each."""
    cache = cache or CacheOptions()
    num_cells = -(-num_ctx // _CONTEXT_BLOCK) * _CONTEXT_BLOCK
    cached = num_cells * shape.kv_elements * CACHE_TYPES.get(cache.cache_type, CACHE_TYPES["f32"])
    return Footprint(
        weights=shape.weight_bytes,
        kv_cache=num_slots * (int(cached) + shape.state_elements * _FLOAT),
        compute=_compute(shape, num_cells, num_slots, max(min(num_batch, num_ctx), num_slots), cache.flash_attention),
    )


def _compute(shape: ModelShape, num_cells: int, num_slots: int, num_rows: int, flash_attention: bool) -> int:
    row = _FLOAT * (_EMBD_BUFFERS * shape.num_embd + _FF_BUFFERS * shape.num_ff) + _MASK * num_cells
    if not flash_attention:
        # The scores of every head are written out.
        row += _FLOAT * num_cells * shape.num_heads
    answers = num_slots * shape.num_vocab * (_FLOAT + _CANDIDATE)
    return num_rows * row + answers + shape.num_vocab * _VOCABULARY_ENTRY + _WORK_BYTES
