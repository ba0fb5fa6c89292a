"""How the next token is drawn: a chain of llama.cpp samplers, one chain a request."""

import math
from collections.abc import Sequence
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import SamplingParams

_SEED_MASK = 0xFFFFFFFF


class SamplerChain:
    """The chain's order is that of llama-server: bias, penalties, top-k, typical, top-p, min-p, temperature, draw.
    Close it once; it owns the samplers in it."""

    def __init__(self, params: SamplingParams, vocabulary: Vocabulary, *, num_ctx: int, prompt_tokens: Sequence[int]) -> None:
        chain_params = llama_cpp.llama_sampler_chain_default_params()
        chain_params.no_perf = True
        self.handle: Any = llama_cpp.llama_sampler_chain_init(chain_params)
        if params.ignore_eos:
            self._forbid(vocabulary)
        self._add_penalties(params, vocabulary.num_tokens, num_ctx, prompt_tokens)
        if params.temperature <= 0:
            self._add(llama_cpp.llama_sampler_init_greedy())
            return
        self._add_filters(params)
        self._add(llama_cpp.llama_sampler_init_temp(params.temperature))
        seed = llama_cpp.LLAMA_DEFAULT_SEED if params.seed < 0 else params.seed & _SEED_MASK
        self._add(llama_cpp.llama_sampler_init_dist(seed))

    def close(self) -> None:
        if self.handle:
            llama_cpp.llama_sampler_free(self.handle)
            self.handle = None

    def _add(self, sampler: object) -> None:
        llama_cpp.llama_sampler_chain_add(self.handle, sampler)

    def _forbid(self, vocabulary: Vocabulary) -> None:
        """Tokens that end an answer are never drawn."""
        tokens = sorted(vocabulary.end_tokens)
        biases = (llama_cpp.llama_logit_bias * len(tokens))(*((token, -math.inf) for token in tokens))
        # llama.cpp copies the array.
        self._add(llama_cpp.llama_sampler_init_logit_bias(vocabulary.num_tokens, len(tokens), biases))

    def _add_penalties(self, params: SamplingParams, num_vocab: int, num_ctx: int, prompt_tokens: Sequence[int]) -> None:
        window = num_ctx if params.repeat_last_n < 0 else min(params.repeat_last_n, num_ctx)
        is_neutral = params.repeat_penalty == 1 and params.presence_penalty == 0 and params.frequency_penalty == 0
        if window == 0 or is_neutral:
            return
        self._add(
            llama_cpp.llama_sampler_init_penalties(
                num_vocab, window, params.repeat_penalty, params.frequency_penalty, params.presence_penalty
            )
        )
        for token in prompt_tokens[-window:]:
            llama_cpp.llama_sampler_accept(self.handle, token)

    def _add_filters(self, params: SamplingParams) -> None:
        min_keep = 1
        if params.top_k > 0:
            self._add(llama_cpp.llama_sampler_init_top_k(params.top_k))
        if 0 < params.typical_p < 1:
            self._add(llama_cpp.llama_sampler_init_typical(params.typical_p, min_keep))
        if params.top_p < 1:
            self._add(llama_cpp.llama_sampler_init_top_p(params.top_p, min_keep))
        if params.min_p > 0:
            self._add(llama_cpp.llama_sampler_init_min_p(params.min_p, min_keep))
