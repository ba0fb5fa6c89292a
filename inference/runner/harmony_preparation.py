"""What keeps an answer in Harmony to what a request asks of it. Runs on the reader thread."""

import json

from inference.errors import InvalidRequest
from inference.grammar.gbnf import check_grammar
from inference.grammar.harmony import HeaderMarks, MessageGrammar, call_grammar, in_message, message_grammar
from inference.grammar.json_schema import grammar_of
from inference.grammar.tool_calls import wants_strictness
from inference.harmony import ANALYSIS, CHANNEL, CONSTRAIN, MESSAGE
from inference.prompt.harmony.header import Header
from inference.prompt.harmony.reader import MessageReader
from inference.runner.harmony_search import HarmonySearch
from inference.runner.harmony_tokens import HarmonyTokens
from inference.runner.llama.call_constraint import CallConstraint
from inference.runner.llama.harmony_constraint import Begin, HarmonyConstraint
from inference.runner.llama.vocabulary import Vocabulary
from inference.runner.messages import CallRules, Submit


class HarmonyPreparation:
    def __init__(self, vocabulary: Vocabulary, tokens: HarmonyTokens) -> None:
        self._vocabulary = vocabulary
        self._tokens = tokens

    def constraint(self, submit: Submit, opening: str) -> HarmonyConstraint | CallConstraint | None:
        """`opening`: see `PromptRendered`. Raises `InvalidRequest` as `AnswerPreparation.constraint`."""
        calls = submit.calls
        is_whole = bool(submit.json_schema or submit.grammar or (calls is not None and calls.is_required))
        if not is_whole and calls is None:
            return None
        if not self._tokens.is_complete:
            if is_whole:
                raise InvalidRequest(
                    "This model's vocabulary lacks marks of its answers: they cannot be kept to a format or tool."
                )
            return None
        header = MessageReader(opening).header
        if not is_whole:
            assert calls is not None, "it was looked at before"
            return self._call_constraint(calls, header)
        return self._whole_constraint(submit, header)

    def _call_constraint(self, calls: CallRules, header: Header | None) -> CallConstraint | None:
        try:
            gbnf = call_grammar(self._header_marks(), calls.tools)
        except InvalidRequest:
            if any(wants_strictness(function) for function in json.loads(calls.tools)):
                raise
            # Too much for a grammar. What the model writes is looked at when it is there.
            return None
        shown = self._tokens.shown_pieces
        search = HarmonySearch({shown[token]: mark for mark, token in self._tokens.ids.items()}, is_in_header=header is None)
        last = self._tokens.ids[MESSAGE]
        return CallConstraint(gbnf, self._vocabulary, search, is_single=calls.is_single, shown_pieces=shown, last_shown=last)

    def _whole_constraint(self, submit: Submit, header: Header | None) -> HarmonyConstraint:
        begin = Begin.HEADER
        if header is not None:
            begin = Begin.THINKING if header.channel == ANALYSIS else Begin.CONTENT
        calls = submit.calls
        if begin is Begin.CONTENT and calls is not None and calls.is_required:
            begin = Begin.BEFORE
        grammar = self._grammar(submit, has_header=begin is not Begin.CONTENT)
        return HarmonyConstraint(grammar, self._vocabulary, self._tokens.ids, begin)

    def _grammar(self, submit: Submit, *, has_header: bool) -> MessageGrammar:
        """Of a message, or of the content of one to the user."""
        calls, marks = submit.calls, self._header_marks()
        if submit.grammar:
            if submit.json_schema:
                raise InvalidRequest("A grammar and a format cannot both be asked for: leave one of them out.")
            if calls is not None and calls.is_required:
                raise InvalidRequest("A grammar and a call of a tool cannot both be asked for: leave one of them out.")
            check_grammar(submit.grammar)
            return in_message(marks, submit.grammar) if has_header else MessageGrammar(submit.grammar)
        if not has_header:
            return MessageGrammar(grammar_of(submit.json_schema))
        is_call_required = calls is not None and calls.is_required
        # What has to be a call is one, whatever format an answer would have.
        schema = "" if is_call_required else submit.json_schema
        tools = calls.tools if calls is not None else ""
        return message_grammar(marks, tools=tools, is_call_required=is_call_required, json_schema=schema)

    def _header_marks(self) -> HeaderMarks:
        ids = self._tokens.ids
        return HeaderMarks(ids[CHANNEL], ids[CONSTRAIN], ids[MESSAGE])
