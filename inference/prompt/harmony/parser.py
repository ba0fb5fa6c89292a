"""From an answer in Harmony to what it says: thinking, content, calls of tools."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from inference.harmony import ANALYSIS, FUNCTIONS
from inference.prompt.harmony.header import ASSISTANT, Header
from inference.prompt.harmony.reader import Begun, MessageReader, Piece
from inference.prompt.parsing.calls import Tools
from inference.prompt.parsing.events import AnswerEvent, ContentDelta, ThinkingDelta, ToolCall

#: Longer ones are none.
_MAX_CALL = 4 * 1024 * 1024
_Delta = type[ContentDelta] | type[ThinkingDelta]


class HarmonyParser:
    """Of one answer, as `AnswerParser`. What the model thinks is told apart whether it was asked for or not: no switch stops it.

    Messages on the channel `analysis` are thinking; so are those for a tool that nobody offered, such as the browser that these
    models were trained with, and what is written in the name of others than the assistant. Calls that are of no use are content.
    """

    def __init__(self, tools: Sequence[Mapping[str, Any]] = (), *, opening: str = "", is_strict: bool = False) -> None:
        """`opening`: see `MessageReader`. `is_strict`: see `Tools`."""
        self._reader = MessageReader(opening)
        self._tools = Tools(tools, is_strict=is_strict)
        self._names = _names_of(tools)
        self._num_calls = 0
        #: Of the message that is being read: what its texts become, or the tool that it calls and what there is of its arguments.
        self._delta: _Delta = ContentDelta
        self._called = ""
        self._arguments: list[str] = []
        self._size = 0
        #: What the answer has said so far, by kind: messages of one kind are set apart from each other.
        self._has_said: set[_Delta] = set()
        self._is_new = False
        if (header := self._reader.header) is not None:
            self._begin(header)

    def feed(self, text: str) -> list[AnswerEvent]:
        """What is certain now; often nothing."""
        return [event for piece in self._reader.feed(text) for event in self._take(piece)]

    def finish(self) -> list[AnswerEvent]:
        """The rest, when the answer ends."""
        return [event for piece in self._reader.finish() for event in self._take(piece)]

    def _take(self, piece: Piece) -> list[AnswerEvent]:
        if isinstance(piece, Begun):
            self._begin(piece.header)
            return []
        if isinstance(piece, str):
            return self._grow(piece) if self._called else self._said(piece)
        return self._end_call() if self._called else []

    def _begin(self, header: Header) -> None:
        self._called = self._tool_of(header)
        is_ours = header.role == ASSISTANT and not header.recipient
        is_content = self._called or (is_ours and header.channel != ANALYSIS)
        self._delta, self._is_new = ContentDelta if is_content else ThinkingDelta, True

    def _tool_of(self, header: Header) -> str:
        """Empty where no tool is called that was offered. In a name, a model may write what an identifier can have."""
        if header.role != ASSISTANT or not header.recipient:
            return ""
        for name in (header.recipient.removeprefix(FUNCTIONS), header.recipient, header.recipient.split()[0]):
            if name in self._tools:
                return name
        return self._names.get(_identifier(header.recipient.removeprefix(FUNCTIONS)), "")

    def _said(self, text: str) -> list[AnswerEvent]:
        gap = "\n\n" if self._is_new and self._delta in self._has_said else ""
        self._is_new = False
        self._has_said.add(self._delta)
        return [self._delta(gap + text)]

    def _grow(self, text: str) -> list[AnswerEvent]:
        self._arguments.append(text)
        self._size += len(text)
        return self._as_text() if self._size > _MAX_CALL else []

    def _end_call(self) -> list[AnswerEvent]:
        arguments = _arguments_of("".join(self._arguments))
        if arguments is None or not self._tools.accept((self._called, arguments)):
            return self._as_text()
        call = ToolCall(self._num_calls, self._called, arguments)
        self._num_calls += 1
        self._forget_call()
        return [call]

    def _as_text(self) -> list[AnswerEvent]:
        text = "".join(self._arguments)
        self._forget_call()
        return self._said(text) if text else []

    def _forget_call(self) -> None:
        self._called, self._arguments, self._size = "", [], 0


def _arguments_of(text: str) -> dict[str, Any] | None:
    """None where it is no object in JSON. A tool that takes nothing may be called with nothing."""
    try:
        value = json.loads(text, strict=False) if text.strip() else {}
        # Some have been seen to write JSON within JSON.
        value = json.loads(value, strict=False) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _names_of(tools: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Tools by their names as identifiers, those of which there is one."""
    functions = [tool["function"] for tool in tools if isinstance(tool.get("function"), Mapping)]
    names = [function["name"] for function in functions if isinstance(function.get("name"), str)]
    counts = Counter(map(_identifier, names))
    return {key: name for name in names if counts[key := _identifier(name)] == 1}
