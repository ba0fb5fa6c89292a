"""How an answer is read: what is asked of the runner for it, and what its text is taken apart into."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from inference.api.lines import AnswerPart
from inference.prompt.harmony.parser import HarmonyParser
from inference.prompt.parsing import AnswerEvent, AnswerParser, AnswerSyntax, ContentDelta, ThinkingDelta, ToolCall
from inference.runner.messages import CallRules, Submit, TokenLogprob
from inference.scheduler import Output, Rendered


@dataclass(frozen=True)
class Reading:
    syntax: AnswerSyntax = field(default_factory=AnswerSyntax)
    parses_thinking: bool = False
    #: In OpenAI's shape; without any, calls are not looked for.
    tools: Sequence[Mapping[str, Any]] = ()
    #: The answer is nothing but calls.
    is_call_required: bool = False
    #: At most one call.
    is_single_call: bool = False

    def asked_of(self, work: Submit) -> Submit:
        """The work with what the runner has to do for it."""
        if self.syntax.is_harmony:
            return msgspec.structs.replace(work, is_harmony=True, calls=self._call_rules())
        tags = self.syntax.thinking
        return msgspec.structs.replace(
            work,
            thinking_start=tags.opening if tags else "",
            thinking_end=tags.closing if tags else "",
            may_think=self.parses_thinking,
            shown_texts=self.syntax.shown_texts(thinking=tags is not None, tools=bool(self.tools)),
            calls=self._call_rules(),
        )

    def _call_rules(self) -> CallRules | None:
        if not self.tools:
            return None
        return CallRules(
            tools=json.dumps([tool["function"] for tool in self.tools], ensure_ascii=False),
            marks=list(self.syntax.call_marks),
            tag_form=self.syntax.tag_form,
            is_bare=not self.syntax.tool_marks,
            is_required=self.is_call_required,
            is_single=self.is_single_call,
        )


class Parser(Protocol):
    """Takes the text of one answer apart, as it grows."""

    def feed(self, text: str, /) -> list[AnswerEvent]:
        """What is certain now; often nothing."""

    def finish(self) -> list[AnswerEvent]:
        """The rest, when the answer ends."""


class AnswerReader:
    """Of one answer: from the runner's output to parts. Log probabilities go with the part that comes after them."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._parser = self._new_parser(Rendered())
        self._logprobs: list[TokenLogprob] = []
        self._num_tokens = 0

    def begin(self, rendered: Rendered) -> None:
        """The prompt may have ended where a thinking part begins, perhaps although none was wanted: not every model can be
        stopped from thinking. To be called before anything is read."""
        self._parser = self._new_parser(rendered)

    def read(self, output: Output) -> list[AnswerPart]:
        self._logprobs += output.logprobs
        self._num_tokens += output.num_tokens
        return self._parts(self._parser.feed(output.text))

    def finish(self) -> list[AnswerPart]:
        """What was held back."""
        parts = self._parts(self._parser.finish())
        return [*parts, AnswerPart(logprobs=self._logprobs)] if self._logprobs else parts

    def _new_parser(self, rendered: Rendered) -> Parser:
        reading, is_thinking = self._reading, rendered.is_thinking
        if reading.syntax.is_harmony:
            return HarmonyParser(reading.tools, opening=rendered.opening, is_strict=reading.is_call_required)
        return AnswerParser(
            reading.syntax,
            parses_thinking=reading.parses_thinking or is_thinking,
            tools=reading.tools,
            is_thinking=is_thinking,
            is_strict=reading.is_call_required,
        )

    def _parts(self, events: Sequence[AnswerEvent]) -> list[AnswerPart]:
        parts = []
        for event, num_tokens in zip(events, self._shares(events), strict=True):
            logprobs, self._logprobs = self._logprobs, []
            parts.append(_part(event, logprobs, num_tokens))
        return parts

    def _shares(self, events: Sequence[AnswerEvent]) -> list[int]:
        """Of the tokens since the last parts, those of each: all of them where there is one, else by the length of its text."""
        if not events:
            return []
        sizes = [1 if isinstance(event, ToolCall) else len(event.text) for event in events]
        total, left = max(1, sum(sizes)), self._num_tokens
        shares = [left * size // total for size in sizes]
        shares[-1] += left - sum(shares)
        self._num_tokens = 0
        return shares


def joined(parts: Sequence[AnswerPart]) -> AnswerPart:
    """A whole answer as one part."""
    return AnswerPart(
        text="".join(part.text for part in parts),
        thinking="".join(part.thinking for part in parts),
        tool_calls=[call for part in parts for call in part.tool_calls],
        logprobs=[entry for part in parts for entry in part.logprobs],
        num_thinking_tokens=sum(part.num_thinking_tokens for part in parts),
    )


def _part(event: AnswerEvent, logprobs: list[TokenLogprob], num_tokens: int) -> AnswerPart:
    if isinstance(event, ContentDelta):
        return AnswerPart(text=event.text, logprobs=logprobs)
    if isinstance(event, ThinkingDelta):
        return AnswerPart(thinking=event.text, logprobs=logprobs, num_thinking_tokens=num_tokens)
    return AnswerPart(tool_calls=[event], logprobs=logprobs)
