"""What a request asks of its answer: biases by text, its grammar, log probabilities. Runs on the reader thread."""

import math

import msgspec

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_grammar
from inference.grammar.json_schema import grammar_of
from inference.runner.engine.logprobs import PendingLogprobs
from inference.runner.llama.constraint import GrammarConstraint
from inference.runner.llama.dry import prepare_dry
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import SamplingParams, Submit
from inference.runner.sampling_bounds import MAX_FLOAT32, check_sampling

MAX_TOP_LOGPROBS = 20
#: Each costs something for every token that is drawn.
_MAX_BIASES = 1024


class AnswerPreparation:
    def __init__(self, vocabulary: Vocabulary, num_ctx: int) -> None:
        self._vocabulary = vocabulary
        self._num_ctx = num_ctx

    def sampling(self, submit: Submit) -> SamplingParams:
        """With token ids in place of texts. Raises `InvalidRequest` naming the parameter."""
        sampling = submit.sampling
        check_sampling(sampling)
        prepare_dry(sampling, self._vocabulary, self._num_ctx)
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

    def shown_pieces(self, submit: Submit) -> dict[int, bytes]:
        """What is written for the control tokens that stand for marks of the answer."""
        shown = {}
        for text in submit.shown_texts:
            tokens = self._vocabulary.tokenize(text, parse_special=True)
            if len(tokens) == 1 and not self._vocabulary.piece(tokens[0]):
                shown[tokens[0]] = text.encode()
        return shown

    def constraint(self, submit: Submit, *, is_thinking: bool = False) -> GrammarConstraint | None:
        """`is_thinking`: the prompt ends where the thinking part begins.

        Raises `InvalidRequest` that says what of a grammar or JSON schema cannot be used."""
        if submit.grammar and submit.json_schema:
            raise InvalidRequest("A grammar and a format cannot both be asked for: leave one of them out.")
        if submit.json_schema:
            gbnf = grammar_of(submit.json_schema)
        elif submit.grammar:
            gbnf = submit.grammar
            check_grammar(gbnf)
        else:
            return None
        start = "" if is_thinking else submit.thinking_start
        end = submit.thinking_end if is_thinking or submit.may_think else ""
        return GrammarConstraint(gbnf, self._vocabulary, thinking_start=start, thinking_end=end)

    def _tokens_of(self, key: int | str) -> list[int]:
        if isinstance(key, str):
            return self._vocabulary.tokenize(key, parse_special=True)
        if not 0 <= key < self._vocabulary.num_tokens:
            known = self._vocabulary.num_tokens
            raise InvalidRequest(f"logit_bias names token {key}, which this model does not know (it knows {known}).")
        return [key]


def _checked_bias(bias: float) -> float:
    if math.isnan(bias) or bias > MAX_FLOAT32:
        raise InvalidRequest("A value of logit_bias has to be a number, or minus infinity to forbid the token.")
    return bias
