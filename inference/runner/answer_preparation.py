"""What a request asks of its answer: biases by text, its grammar, log probabilities. Runs on a preparer thread."""

import json
import math
from collections.abc import Mapping, Sequence

import msgspec

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_grammar
from inference.grammar.json_schema import grammar_of
from inference.grammar.tool_calls import calls_grammar, wants_strictness
from inference.runner.call_search import CallSearch
from inference.runner.engine.logprobs import PendingLogprobs
from inference.runner.harmony_preparation import HarmonyPreparation
from inference.runner.harmony_tokens import HarmonyTokens
from inference.runner.llama.call_constraint import CallConstraint
from inference.runner.llama.constraint import GrammarConstraint
from inference.runner.llama.dry import prepare_dry
from inference.runner.llama.sampler import AnyConstraint
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import CallRules, SamplingParams, Submit
from inference.runner.sampling_bounds import MAX_FLOAT32, check_sampling

MAX_TOP_LOGPROBS = 20
#: Each costs something for every token that is drawn.
_MAX_BIASES = 1024


class AnswerPreparation:
    def __init__(self, vocabulary: Vocabulary, num_ctx: int) -> None:
        self._vocabulary = vocabulary
        self._num_ctx = num_ctx
        self._harmony_tokens = HarmonyTokens(vocabulary)
        self._harmony = HarmonyPreparation(vocabulary, self._harmony_tokens)

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
        if submit.is_harmony:
            return self._harmony_tokens.shown_pieces
        shown = {}
        for text in submit.shown_texts:
            tokens = self._vocabulary.tokenize(text, parse_special=True)
            if len(tokens) == 1 and not self._vocabulary.piece(tokens[0]):
                shown[tokens[0]] = text.encode()
        return shown

    def opening(self, submit: Submit, tokens: Sequence[int]) -> str:
        """See `PromptRendered`; empty where the answer is no Harmony."""
        return self._harmony_tokens.opening(tokens) if submit.is_harmony else ""

    def constraint(self, submit: Submit, *, is_thinking: bool = False, opening: str = "") -> AnyConstraint | None:
        """`is_thinking`: the prompt ends where the thinking part begins; `opening`: see `opening`.

        Raises `InvalidRequest` that says what of a grammar, a JSON schema or a tool's schema cannot be used."""
        if submit.is_harmony:
            return self._harmony.constraint(submit, opening)
        start = "" if is_thinking else submit.thinking_start
        end = submit.thinking_end if is_thinking or submit.may_think else ""
        shown = self.shown_pieces(submit)
        if _holds_from_a_mark(submit):
            return self._call_constraint(submit, start, end, shown)
        gbnf = _grammar(submit)
        if not gbnf:
            return None
        return GrammarConstraint(
            gbnf,
            self._vocabulary,
            thinking_start=start,
            thinking_end=end,
            shown_tokens=frozenset(shown),
            may_be_cut=any(submit.stop),
        )

    def _call_constraint(self, submit: Submit, start: str, end: str, shown: Mapping[int, bytes]) -> CallConstraint | None:
        calls = submit.calls
        assert calls is not None, "it was looked at before"
        try:
            gbnf = _calls_grammar(calls)
        except InvalidRequest:
            if any(wants_strictness(function) for function in json.loads(calls.tools)):
                raise
            # Too much for a grammar. What the model writes is looked at when it is there.
            return None
        search = CallSearch(
            marks=calls.marks,
            names=[function["name"] for function in json.loads(calls.tools)] if calls.is_bare else [],
            thinking_start=start,
            thinking_end=end,
        )
        return CallConstraint(gbnf, self._vocabulary, search, is_single=calls.is_single, shown_pieces=shown)

    def _tokens_of(self, key: int | str) -> list[int]:
        if isinstance(key, str):
            return self._vocabulary.tokenize(key, parse_special=True)
        if not 0 <= key < self._vocabulary.num_tokens:
            known = self._vocabulary.num_tokens
            raise InvalidRequest(f"logit_bias names token {key}, which this model does not know (it knows {known}).")
        return [key]


def _holds_from_a_mark(submit: Submit) -> bool:
    """Whether a grammar holds from a call's mark on, and not from the answer's beginning."""
    return submit.calls is not None and not (submit.calls.is_required or submit.json_schema or submit.grammar)


def _grammar(submit: Submit) -> str:
    """Of a whole answer; empty: it may be anything."""
    if submit.grammar and submit.json_schema:
        raise InvalidRequest("A grammar and a format cannot both be asked for: leave one of them out.")
    if submit.grammar:
        if submit.calls is not None and submit.calls.is_required:
            raise InvalidRequest("A grammar and a call of a tool cannot both be asked for: leave one of them out.")
        check_grammar(submit.grammar)
        return submit.grammar
    if submit.calls is not None:
        return _calls_grammar(submit.calls, submit.json_schema)
    return grammar_of(submit.json_schema) if submit.json_schema else ""


def _calls_grammar(calls: CallRules, json_schema: str = "") -> str:
    return calls_grammar(
        calls.tools,
        tuple(calls.marks),
        is_bare=calls.is_bare,
        is_required=calls.is_required,
        is_single=calls.is_single,
        json_schema=json_schema,
        tag_form=calls.tag_form,
    )


def _checked_bias(bias: float) -> float:
    if math.isnan(bias) or bias > MAX_FLOAT32:
        raise InvalidRequest("A value of logit_bias has to be a number, or minus infinity to forbid the token.")
    return bias
