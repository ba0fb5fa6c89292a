"""DRY samplers, which punish what continues a repetition. Making one looks for its sequence breakers in the whole vocabulary,
which takes milliseconds each: it is done once, on the thread that prepares requests, and copied from there."""

import ctypes
import functools
import weakref
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import SamplingParams

_MAX_CACHED = 16


def dry_window(params: SamplingParams, num_ctx: int) -> int:
    """The number of tokens that it looks back on; 0 when it is off."""
    if params.dry_multiplier == 0:
        return 0
    return num_ctx if params.dry_penalty_last_n < 0 else min(params.dry_penalty_last_n, num_ctx)


def dry_sampler(params: SamplingParams, vocabulary: Vocabulary, num_ctx: int) -> Any:
    """A new sampler, which belongs to the caller. Not to be asked for when the window is 0."""
    return llama_cpp.llama_sampler_clone(_prototype_of(params, vocabulary, num_ctx).handle)


def prepare_dry(params: SamplingParams, vocabulary: Vocabulary, num_ctx: int) -> None:
    """Makes `dry_sampler` quick."""
    if dry_window(params, num_ctx):
        _prototype_of(params, vocabulary, num_ctx)


class _Prototype:
    def __init__(self, handle: Any) -> None:
        self.handle = handle
        weakref.finalize(self, llama_cpp.llama_sampler_free, handle)


def _prototype_of(params: SamplingParams, vocabulary: Vocabulary, num_ctx: int) -> _Prototype:
    window, breakers = dry_window(params, num_ctx), params.dry_sequence_breakers
    return _make(vocabulary, params.dry_multiplier, params.dry_base, params.dry_allowed_length, window, breakers)


@functools.lru_cache(_MAX_CACHED)
def _make(
    vocabulary: Vocabulary, multiplier: float, base: float, allowed_length: int, window: int, breakers: tuple[str, ...]
) -> _Prototype:
    texts = [text.encode("utf-8", "replace") for text in breakers]
    array = (ctypes.c_char_p * len(texts))(*texts)
    handle = llama_cpp.llama_sampler_init_dry(vocabulary.handle, multiplier, base, allowed_length, window, array, len(texts))
    return _Prototype(handle)
