"""Takes an answer in Harmony apart into its messages, as it comes."""

import re
from dataclasses import dataclass

from inference.harmony import CHANNEL, CONSTRAIN, FLAG, MARKS, MESSAGE, START
from inference.prompt.harmony.header import Header, is_unfinished_header, may_become_header, read_header
from inference.prompt.parsing.held import num_held


@dataclass(frozen=True, slots=True)
class Begun:
    """A message begins; the texts that follow are its content."""

    header: Header


@dataclass(frozen=True, slots=True)
class Ended:
    """The message that was begun last is over."""


Piece = Begun | Ended | str


class MessageReader:
    """Reads also what is no good Harmony: a message without an end, a header without a start, text outside of messages. Each
    message that is begun is ended, and no text is left out but that of headers."""

    def __init__(self, opening: str = "") -> None:
        """`opening` is what the prompt has of the message that the answer goes on with: its header, with `<|message|>` where
        its content has begun. Where it begins with `FLAG`, or is that alone, marks in the answer do too, and others are text."""
        flag = FLAG if opening.startswith(FLAG) else ""
        self._marks = [flag + mark for mark in MARKS]
        self._pattern = re.compile("|".join(map(re.escape, self._marks)))
        self._num_flags = len(flag)
        self._text = ""
        #: Of the message whose header is being read; None within its content.
        self._header: str | None = ""
        self._has_start = False
        self._begun: Header | None = None
        self.feed(opening if opening != FLAG else "")
        # A prompt that ends with the assistant's role, and one that ends before it, are gone on with in the same way.
        if self._header is not None and self._header + self._text in ("", "assistant"):
            self._header, self._text, self._has_start = "", "", False

    @property
    def header(self) -> Header | None:
        """Of the message that has begun; None before it has."""
        return self._begun if self._header is None else None

    def feed(self, text: str) -> list[Piece]:
        """What is certain now; often nothing."""
        self._text += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def finish(self) -> list[Piece]:
        """What was held back, when the answer ends."""
        text, self._text = self._text, ""
        if self._header is None:
            self._header = ""
            return [text, Ended()] if text else [Ended()]
        return self._given_up(self._header + text)

    def _step(self, pieces: list[Piece]) -> bool:
        """Whether there may be more to do."""
        found = self._pattern.search(self._text)
        end = found.start() if found is not None else len(self._text) - num_held(self._text, self._marks)
        mark = found.group()[self._num_flags :] if found is not None else ""
        if self._header is None:
            return self._read_content(pieces, end, mark)
        return self._read_header(pieces, end, mark)

    def _read_content(self, pieces: list[Piece], end: int, mark: str) -> bool:
        pieces += [self._text[:end]] if end else []
        self._pass(end, mark)
        if mark and mark not in (MESSAGE, CONSTRAIN):
            pieces.append(Ended())
            self._header, self._has_start = CHANNEL if mark == CHANNEL else "", mark == START
        return bool(mark)

    def _read_header(self, pieces: list[Piece], end: int, mark: str) -> bool:
        assert self._header is not None
        header = self._header + self._text[:end]
        if not may_become_header(header, has_start=self._has_start):
            self._text = _without_marks(self._header) + self._text
            self._begin(pieces, Header())
            return True
        if not mark:
            return False
        self._pass(end, mark)
        if mark == MESSAGE:
            self._begin(pieces, read_header(header))
        elif mark in (CHANNEL, CONSTRAIN):
            self._header = header + mark
        else:
            pieces += self._given_up(header)
            self._header, self._has_start = "", mark == START
        return True

    def _begin(self, pieces: list[Piece], header: Header) -> None:
        self._header, self._begun = None, header
        pieces.append(Begun(header))

    def _pass(self, end: int, mark: str) -> None:
        self._text = self._text[end + (len(mark) + self._num_flags if mark else 0) :]

    def _given_up(self, header: str) -> list[Piece]:
        """Of a header that no content follows: nothing, unless it is text after all."""
        text = _without_marks(header)
        if not text.strip() or is_unfinished_header(header, has_start=self._has_start):
            return []
        return [Begun(Header()), text, Ended()]


def _without_marks(header: str) -> str:
    return header.replace(CHANNEL, "").replace(CONSTRAIN, "")
