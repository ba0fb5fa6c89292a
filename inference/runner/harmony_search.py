"""Finds where a model begins to call a tool in an answer in Harmony."""

from collections.abc import Mapping

from inference.grammar.harmony import RECIPIENT
from inference.harmony import CHANNEL, CONSTRAIN, START
from inference.runner.call_search import BegunCall

_RECIPIENT = RECIPIENT.encode()
#: Of a header, so much as a recipient may still begin in.
_LONGEST_TAIL = len(_RECIPIENT)


class HarmonySearch:
    """Of one answer, as `CallSearch`: a recipient in a header is the beginning, and in the content of a message none is."""

    def __init__(self, marks: Mapping[bytes, str], *, is_in_header: bool) -> None:
        """`marks` by what the answer has for them, each a piece of its own."""
        self._marks = marks
        self._is_in_header = is_in_header
        self._tail = b""

    def find(self, piece: bytes) -> BegunCall | None:
        mark = self._marks.get(piece)
        if mark is not None:
            # In a header all but `<|message|>` go on with it, and the ends of a message have one behind them.
            self._is_in_header = mark in (START, CHANNEL, CONSTRAIN)
            self._tail = b""
        if mark is not None or not self._is_in_header:
            return None
        tail = self._tail + piece
        start = tail.find(_RECIPIENT)
        if start >= 0:
            return BegunCall(RECIPIENT, len(tail) - start - len(_RECIPIENT))
        self._tail = tail[-_LONGEST_TAIL:]
        return None

    def end_call(self) -> None:
        """A call is complete: nothing but the end of its message comes, and perhaps another message."""
        self._is_in_header, self._tail = False, b""

    def pass_over(self) -> None:
        """What looked like a call is none."""
        self._is_in_header, self._tail = False, b""
