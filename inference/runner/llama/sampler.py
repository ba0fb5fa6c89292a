"""How the next token is drawn: a chain of llama.cpp samplers, one chain a request."""

from collections.abc import Sequence
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama.call_constraint import CallConstraint
from inference.runner.llama.candidates import Candidates, logits_of
from inference.runner.llama.constraint import GrammarConstraint
from inference.runner.llama.dry import dry_sampler, dry_window
from inference.runner.llama.harmony_constraint import HarmonyConstraint
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import SamplingParams

#: What one answer has to look like.
AnyConstraint = GrammarConstraint | CallConstraint | HarmonyConstraint

_SEED_MASK = 0xFFFFFFFF
_MIN_KEEP = 1
#: Of the likeliest tokens, from which mirostat 1 estimates how fast probabilities fall; llama-server's value.
_MIROSTAT_TOKENS = 100


class SamplerChain:
    """The chain's order is that of llama-server: bias, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p, XTC,
    temperature, draw; with mirostat: bias, temperature, mirostat. Close it once; it owns what is in it."""

    def __init__(
        self,
        params: SamplingParams,
        vocabulary: Vocabulary,
        *,
        num_ctx: int,
        prompt_tokens: Sequence[int],
        constraint: AnyConstraint | None = None,
    ) -> None:
        self.constraint = constraint
        self._vocabulary = vocabulary
        self._num_ctx = num_ctx
        self._seed = llama_cpp.LLAMA_DEFAULT_SEED if params.seed < 0 else params.seed & _SEED_MASK
        chain_params = llama_cpp.llama_sampler_chain_default_params()
        chain_params.no_perf = True
        self.handle: Any = llama_cpp.llama_sampler_chain_init(chain_params)
        #: So many of the likeliest tokens decide alone what is drawn; 0: all do.
        self._num_deciding = 0
        self._remembers = False
        num_biased = self._add_biases(params)
        if params.mirostat and params.temperature > 0:
            self._add_mirostat(params)
            return
        windows = self._add_penalties(params), self._add_dry(params)
        window = max(windows)
        self._remembers = window > 0
        # What the penalties remember; nothing else in the chain is moved by what was drawn before.
        for token in prompt_tokens[-window:] if window else ():
            llama_cpp.llama_sampler_accept(self.handle, token)
        if _only_lowers(params):
            num_kept = 1 if params.temperature <= 0 else params.top_k
            self._num_deciding = num_kept + num_biased + sum(windows) if num_kept > 0 else 0
        if params.temperature <= 0:
            self._add(llama_cpp.llama_sampler_init_greedy())
            return
        self._add_filters(params)
        self._add_temperature(params)
        self._add(llama_cpp.llama_sampler_init_dist(self._seed))

    def draw(self, candidates: Candidates, context: object, row: int) -> int:
        """A token by the logits of a row of the last batch, whatever the constraint says of it."""
        if self._num_deciding == 1:
            return int(logits_of(context, row, self._vocabulary.num_tokens).argmax())
        if self._num_deciding and candidates.fill_likeliest(context, row, self._num_deciding):
            candidates.apply(self.handle)
            token = candidates.selected
            if self._remembers and token >= 0:
                llama_cpp.llama_sampler_accept(self.handle, token)
            return token
        return int(llama_cpp.llama_sampler_sample(self.handle, context, row))

    def close(self) -> None:
        if self.handle:
            llama_cpp.llama_sampler_free(self.handle)
            self.handle = None
        if self.constraint is not None:
            self.constraint.close()

    def _add(self, sampler: object) -> None:
        llama_cpp.llama_sampler_chain_add(self.handle, sampler)

    def _add_biases(self, params: SamplingParams) -> int:
        """The number of tokens with one. Tokens that end an answer are never drawn when `ignore_eos` is set."""
        wanted = {int(token): bias for token, bias in params.logit_bias.items()}
        if params.ignore_eos:
            wanted |= dict.fromkeys(sorted(self._vocabulary.end_tokens), float("-inf"))
        if not wanted:
            return 0
        biases = (llama_cpp.llama_logit_bias * len(wanted))(*wanted.items())
        # llama.cpp copies the array.
        self._add(llama_cpp.llama_sampler_init_logit_bias(self._vocabulary.num_tokens, len(wanted), biases))
        return len(wanted)

    def _add_mirostat(self, params: SamplingParams) -> None:
        self._add(llama_cpp.llama_sampler_init_temp(params.temperature))
        tau, eta = params.mirostat_tau, params.mirostat_eta
        if params.mirostat == 1:
            num_tokens = self._vocabulary.num_tokens
            self._add(llama_cpp.llama_sampler_init_mirostat(num_tokens, self._seed, tau, eta, _MIROSTAT_TOKENS))
        else:
            self._add(llama_cpp.llama_sampler_init_mirostat_v2(self._seed, tau, eta))

    def _add_penalties(self, params: SamplingParams) -> int:
        """The number of tokens that it looks back on."""
        window = self._num_ctx if params.repeat_last_n < 0 else min(params.repeat_last_n, self._num_ctx)
        is_neutral = params.repeat_penalty == 1 and params.presence_penalty == 0 and params.frequency_penalty == 0
        if window == 0 or is_neutral:
            return 0
        repeat, frequency, presence = params.repeat_penalty, params.frequency_penalty, params.presence_penalty
        num_tokens = self._vocabulary.num_tokens
        self._add(llama_cpp.llama_sampler_init_penalties(num_tokens, window, repeat, frequency, presence))
        return window

    def _add_dry(self, params: SamplingParams) -> int:
        """The number of tokens that it looks back on."""
        window = dry_window(params, self._num_ctx)
        if window:
            self._add(dry_sampler(params, self._vocabulary, self._num_ctx))
        return window

    def _add_filters(self, params: SamplingParams) -> None:
        if params.top_n_sigma > 0:
            self._add(llama_cpp.llama_sampler_init_top_n_sigma(params.top_n_sigma))
        if params.top_k > 0:
            self._add(llama_cpp.llama_sampler_init_top_k(params.top_k))
        if 0 < params.typical_p < 1:
            self._add(llama_cpp.llama_sampler_init_typical(params.typical_p, _MIN_KEEP))
        if params.top_p < 1:
            self._add(llama_cpp.llama_sampler_init_top_p(params.top_p, _MIN_KEEP))
        if params.min_p > 0:
            self._add(llama_cpp.llama_sampler_init_min_p(params.min_p, _MIN_KEEP))
        if params.xtc_probability > 0:
            self._add(llama_cpp.llama_sampler_init_xtc(params.xtc_probability, params.xtc_threshold, _MIN_KEEP, self._seed))

    def _add_temperature(self, params: SamplingParams) -> None:
        if params.dynatemp_range > 0:
            span, exponent = params.dynatemp_range, params.dynatemp_exponent
            self._add(llama_cpp.llama_sampler_init_temp_ext(params.temperature, span, exponent))
        else:
            self._add(llama_cpp.llama_sampler_init_temp(params.temperature))


def _only_lowers(params: SamplingParams) -> bool:
    """Whether nothing before the first filter makes a token likelier. Then what the filter keeps is among the likeliest tokens,
    as many more of them as may have been made less likely. `top_n_sigma` asks for the spread of all logits."""
    is_lowered = all(bias <= 0 for bias in params.logit_bias.values())
    is_penalty = params.repeat_penalty >= 1 and params.presence_penalty >= 0 and params.frequency_penalty >= 0
    return is_lowered and is_penalty and params.top_n_sigma <= 0
