"""The parser of one answer: thinking first, then calls of tools in what follows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from inference.prompt.parsing.calls import Call, Tools
from inference.prompt.parsing.events import AnswerEvent, ContentDelta, ThinkingDelta, ToolCall
from inference.prompt.parsing.syntax import AnswerSyntax
from inference.prompt.parsing.thinking import ThinkingSplitter
from inference.prompt.parsing.tool_calls import ToolCallSplitter


class AnswerParser:
    def __init__(
        self,
        syntax: AnswerSyntax,
        *,
        parses_thinking: bool = False,
        tools: Sequence[Mapping[str, Any]] = (),
        is_thinking: bool = False,
        is_strict: bool = False,
    ) -> None:
        """Thinking is told apart when it is asked for and the template has tags for it; calls when there are `tools`.
        `is_thinking`: the prompt ended with the opening tag. `is_strict`: see `Tools`."""
        has_thinking = parses_thinking and syntax.thinking is not None
        self._thinking = ThinkingSplitter(syntax.thinking, is_open=is_thinking) if has_thinking and syntax.thinking else None
        offered = Tools(tools, is_strict=is_strict)
        self._calls = ToolCallSplitter(offered, syntax.tool_marks) if offered else None
        self._num_calls = 0

    def feed(self, text: str) -> list[AnswerEvent]:
        """What is certain now; often nothing."""
        thinking, content = self._thinking.feed(text) if self._thinking is not None else ("", text)
        return self._events(thinking, self._pieces(content))

    def finish(self) -> list[AnswerEvent]:
        """The rest, when the answer ends."""
        thinking, content = self._thinking.finish() if self._thinking is not None else ("", "")
        return self._events(thinking, [*self._pieces(content), *(self._calls.finish() if self._calls is not None else [])])

    def _pieces(self, content: str) -> list[str | Call]:
        if not content:
            return []
        return self._calls.feed(content) if self._calls is not None else [content]

    def _events(self, thinking: str, pieces: Sequence[str | Call]) -> list[AnswerEvent]:
        events: list[AnswerEvent] = [ThinkingDelta(thinking)] if thinking else []
        for piece in pieces:
            if isinstance(piece, str):
                events.append(ContentDelta(piece))
            else:
                events.append(ToolCall(self._num_calls, *piece))
                self._num_calls += 1
        return events
