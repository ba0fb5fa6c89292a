"""Finds where a model begins to call a tool, in an answer that is free until then."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

#: A model that writes more than this before it names a tool does not call one.
_MAX_BEFORE_NAME = 512


class _State(Enum):
    BEFORE_THINKING = auto()
    THINKING = auto()
    START = auto()
    CONTENT = auto()


@dataclass(frozen=True, slots=True)
class BegunCall:
    """`text` is what there is of the call; `num_rest` bytes of the piece come after it."""

    text: str
    num_rest: int


class CallSearch:
    """Of one answer. Marks within its thinking part are none."""

    def __init__(
        self, *, marks: Sequence[str], names: Sequence[str] = (), thinking_start: str = "", thinking_end: str = ""
    ) -> None:
        """A call begins with one of the marks or, at the answer's beginning, with JSON that names one of `names`. The thinking
        part ends with `thinking_end` and begins with `thinking_start`, which is empty when it has begun."""
        longest_first = sorted(marks, key=len, reverse=True)
        self._marks = re.compile(b"|".join(re.escape(mark.encode()) for mark in longest_first)) if marks else None
        self._longest = max((len(mark.encode()) for mark in marks), default=1)
        self._bare = _bare_pattern(names) if names else None
        self._thinking_start, self._thinking_end = thinking_start.encode(), thinking_end.encode()
        self._state = _State.START
        if thinking_end:
            self._state = _State.BEFORE_THINKING if thinking_start else _State.THINKING
        #: Text that decides on what is to come.
        self._tail = b""

    def find(self, piece: bytes) -> BegunCall | None:
        """Whether a call begins in this next piece of the answer. When one does, the piece counts as not yet fed: see `end_call`
        and `pass_over`."""
        before = self._state, self._tail
        self._tail += piece
        if self._state is _State.BEFORE_THINKING:
            self._begin_thinking()
        if self._state is _State.THINKING:
            self._end_thinking()
        found = self._find() if self._state in (_State.START, _State.CONTENT) else None
        if found is not None:
            self._state, self._tail = before
        return found

    def end_call(self) -> None:
        """A call is complete: another may begin at once."""
        self._state, self._tail = _State.START, b""

    def pass_over(self) -> None:
        """What looked like a call is none."""
        self._state, self._tail = _State.CONTENT, b""

    def _begin_thinking(self) -> None:
        begun = self._tail.lstrip()
        if begun.startswith(self._thinking_start):
            self._state, self._tail = _State.THINKING, begun[len(self._thinking_start) :]
        elif not self._thinking_start.startswith(begun):
            self._state = _State.START

    def _end_thinking(self) -> None:
        _, end, rest = self._tail.partition(self._thinking_end)
        if end:
            self._state, self._tail = _State.START, rest
        else:
            self._tail = self._tail[-len(self._thinking_end) :]

    def _find(self) -> BegunCall | None:
        if self._marks is not None and (mark := self._marks.search(self._tail)) is not None:
            return BegunCall(mark[0].decode(), len(self._tail) - mark.end())
        if self._state is _State.START:
            if self._bare is not None and (named := self._bare.match(self._tail)) is not None:
                return BegunCall(named[1].decode("utf-8", "replace"), len(self._tail) - named.end())
            begun = self._tail.lstrip(b" \t\r\n,;")
            may_be_bare = self._bare is not None and begun[:1] in (b"", b"{", b"[") and len(self._tail) <= _MAX_BEFORE_NAME
            self._state = _State.START if may_be_bare else _State.CONTENT
        if self._state is _State.CONTENT:
            self._tail = self._tail[-self._longest :]
        return None


def _bare_pattern(names: Sequence[str]) -> re.Pattern[bytes]:
    quoted = "|".join(re.escape(json.dumps(name, ensure_ascii=False)) for name in names)
    kind = r'(?:"type"\s*:\s*"function"\s*,\s*)?'
    pattern = rf'[\s,;]*((?:\[\s*)?\{{\s*{kind}"(?:name|tool_name|function)"\s*:\s*(?:{quoted}))'
    return re.compile(pattern.encode())
