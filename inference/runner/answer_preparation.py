"""What a request asks of its answer: bounds of its parameters, biases by text, its grammar. Runs on the reader thread."""

import math

import msgspec

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_grammar
from inference.grammar.json_schema import grammar_of
from inference.runner.engine.logprobs import PendingLogprobs
from inference.runner.llama.constraint import GrammarConstraint
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import SamplingParams, Submit

MAX_TOP_LOGPROBS = 20
#: Each costs something for every token that is drawn.
_MAX_BIASES = 1024
#: llama.cpp looks for each in the whole vocabulary, on the thread that decodes.
_MAX_BREAKERS = 8
_MAX_BREAKER_BYTES = 40
_MAX_INT32 = 2**31 - 1
_MAX_FLOAT32 = 3.4028234e38
_INTEGERS = ("top_k", "repeat_last_n", "dry_allowed_length", "dry_penalty_last_n")
_NUMBERS = tuple(field.name for field in msgspec.structs.fields(SamplingParams) if field.type is float)
#: Lowest and highest value; None is no bound.
_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "mirostat": (0, 2),
    "mirostat_tau": (0, None),
    "mirostat_eta": (0, None),
    "dynatemp_range": (0, None),
    "dynatemp_exponent": (0, None),
    "dry_multiplier": (0, None),
    "dry_base": (1, None),
    "dry_allowed_length": (0, None),
    "dry_penalty_last_n": (-1, None),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 1),
}


class AnswerPreparation:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def sampling(self, submit: Submit) -> SamplingParams:
        """With token ids in place of texts. Raises `InvalidRequest` naming the parameter."""
        sampling = submit.sampling
        check_sampling(sampling)
        if not sampling.logit_bias:
            return sampling
        biases: dict[int | str, float] = {}
        for key, bias in sampling.logit_bias.items():
            biases |= dict.fromkeys(self._tokens_of(key), _checked_bias(bias))
        if len(biases) > _MAX_BIASES:
            raise InvalidRequest(f"logit_bias names {len(biases)} tokens; at most {_MAX_BIASES} are possible.")
        return msgspec.structs.replace(sampling, logit_bias=biases)

    def logprobs(self, submit: Submit) -> PendingLogprobs | None:
        """Raises `InvalidRequest`."""
        if not 0 <= submit.top_logprobs <= MAX_TOP_LOGPROBS:
            raise InvalidRequest(f"top_logprobs must be between 0 and {MAX_TOP_LOGPROBS}.")
        return PendingLogprobs(submit.top_logprobs) if submit.logprobs else None

    def constraint(self, submit: Submit) -> GrammarConstraint | None:
        """Raises `InvalidRequest` that says what of a grammar or JSON schema cannot be used."""
        if submit.grammar and submit.json_schema:
            raise InvalidRequest("A grammar and a format cannot both be asked for: leave one of them out.")
        if submit.json_schema:
            gbnf = grammar_of(submit.json_schema)
        elif submit.grammar:
            gbnf = submit.grammar
            check_grammar(gbnf)
        else:
            return None
        return GrammarConstraint(gbnf, self._vocabulary, thinking_end=submit.thinking_end)

    def _tokens_of(self, key: int | str) -> list[int]:
        if isinstance(key, str):
            return self._vocabulary.tokenize(key, parse_special=True)
        if not 0 <= key < self._vocabulary.num_tokens:
            known = self._vocabulary.num_tokens
            raise InvalidRequest(f"logit_bias names token {key}, which this model does not know (it knows {known}).")
        return [key]


def check_sampling(sampling: SamplingParams) -> None:
    """Refuses what llama.cpp answers with an abort of the process or with nonsense. Raises `InvalidRequest`."""
    for name in _NUMBERS:
        if not -_MAX_FLOAT32 <= getattr(sampling, name) <= _MAX_FLOAT32:
            raise InvalidRequest(f"{name} has to be a finite number.")
    # Also not so small that its reciprocal is infinite.
    if not sampling.repeat_penalty > 1 / _MAX_FLOAT32:
        raise InvalidRequest("repeat_penalty has to be greater than 0.")
    for name in _INTEGERS:
        if not -_MAX_INT32 <= getattr(sampling, name) <= _MAX_INT32:
            raise InvalidRequest(f"{name} has to be at most {_MAX_INT32}.")
    for name, (lowest, highest) in _BOUNDS.items():
        value = getattr(sampling, name)
        if lowest is not None and value < lowest:
            raise InvalidRequest(f"{name} has to be at least {lowest}.")
        if highest is not None and value > highest:
            raise InvalidRequest(f"{name} has to be at most {highest}.")
    _check_breakers(sampling.dry_sequence_breakers)


def _check_breakers(breakers: tuple[str, ...]) -> None:
    if len(breakers) > _MAX_BREAKERS:
        raise InvalidRequest(f"dry_sequence_breakers must hold at most {_MAX_BREAKERS} strings.")
    for text in breakers:
        if not text or "\0" in text or len(text.encode("utf-8", "replace")) > _MAX_BREAKER_BYTES:
            raise InvalidRequest(f"Each of dry_sequence_breakers has to have 1 to {_MAX_BREAKER_BYTES} bytes and no zero byte.")


def _checked_bias(bias: float) -> float:
    if math.isnan(bias) or bias > _MAX_FLOAT32:
        raise InvalidRequest("A value of logit_bias has to be a number, or minus infinity to forbid the token.")
    return bias
