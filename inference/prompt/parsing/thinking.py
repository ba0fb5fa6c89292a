"""Parts an answer's thinking from what follows it."""

from dataclasses import dataclass
from enum import Enum, auto

from inference.prompt.parsing.held import num_held


class _State(Enum):
    BEFORE = auto()
    OPENED = auto()
    THINKING = auto()
    CLOSED = auto()
    CONTENT = auto()


@dataclass(frozen=True, slots=True)
class ThinkingTags:
    opening: str = "<think>"
    closing: str = "</think>"


class ThinkingSplitter:
    """White space around the thinking is left out. An answer that does not begin with the opening tag has no thinking."""

    def __init__(self, tags: ThinkingTags, *, is_open: bool = False) -> None:
        """`is_open`: the prompt ended with the opening tag."""
        self._tags = tags
        self._state = _State.OPENED if is_open else _State.BEFORE
        self._text = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What is certain of thinking and of content."""
        self._text += text
        thinking = ""
        if self._state is _State.BEFORE:
            self._look_for_opening()
        if self._state is _State.OPENED:
            self._text = self._text.lstrip()
            if self._text:
                self._state = _State.THINKING
        if self._state is _State.THINKING:
            thinking = self._take_thinking()
        if self._state is _State.CLOSED:
            self._text = self._text.lstrip()
            if self._text:
                self._state = _State.CONTENT
        return thinking, self._take_all() if self._state is _State.CONTENT else ""

    def finish(self) -> tuple[str, str]:
        """What was held back, when the answer ends."""
        if self._state is _State.THINKING:
            return self._take_all(), ""
        return "", self._take_all() if self._state is _State.BEFORE else ""

    def _look_for_opening(self) -> None:
        begun = self._text.lstrip()
        if begun.startswith(self._tags.opening):
            self._text = begun[len(self._tags.opening) :]
            self._state = _State.OPENED
        elif not self._tags.opening.startswith(begun):
            self._state = _State.CONTENT

    def _take_thinking(self) -> str:
        end = self._text.find(self._tags.closing)
        if end >= 0:
            thinking, self._text = self._text[:end].rstrip(), self._text[end + len(self._tags.closing) :]
            self._state = _State.CLOSED
            return thinking
        possible = len(self._text) - num_held(self._text, [self._tags.closing])
        certain = len(self._text[:possible].rstrip())
        thinking, self._text = self._text[:certain], self._text[certain:]
        return thinking

    def _take_all(self) -> str:
        text, self._text = self._text, ""
        return text
