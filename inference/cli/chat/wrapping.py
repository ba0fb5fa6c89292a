"""Breaks running text into lines of the terminal's width while it comes in pieces."""

import sys

from inference.cli.terminal import columns, visible

#: Columns left free at the right, so that a closing mark may hang over.
_MARGIN = 2
#: Punctuation that must not begin a line.
_HANGING = frozenset("，。、；：？！）》」』】”’…,.;:?!)]}")
_ERASE = "\x1b[{}D\x1b[K"


class Wrapper:
    """Turns pieces of text into what to write. A word that reaches beyond the edge is taken back and written on the next line;
    Chinese, Japanese and Korean text breaks between any two characters. Nothing in it can steer the terminal."""

    def __init__(self, width: int) -> None:
        self._width = max(width, 8)
        self._column = 0
        self._word = ""
        self._word_width = 0

    def feed(self, text: str) -> str:
        return "".join(map(self._place, visible(text)))

    def _place(self, character: str) -> str:
        if character == "\n":
            self._begin_line()
            return "\n"
        if character == "\t":
            character = " " * (8 - self._column % 8)
        cells = len(character) if character.isspace() else cell_width(character)
        if character.isspace():
            return self._space(character, cells)
        if cells == 0:
            # An accent stays with the character before it.
            self._word += character if self._word else ""
            return character
        is_over = self._column + cells > self._width - _MARGIN
        if is_over and character in _HANGING and self._column + cells <= self._width:
            is_over = False
        before = self._break(cells) if is_over else ""
        self._column += cells
        if cells == 2:
            self._word, self._word_width = "", 0
        else:
            self._word += character
            self._word_width += cells
        return before + character

    def _space(self, character: str, cells: int) -> str:
        self._word, self._word_width = "", 0
        if self._column + cells > self._width - _MARGIN:
            self._begin_line()
            return "\n"
        self._column += cells
        return character

    def _break(self, cells: int) -> str:
        """To a new line, with the word that was begun unless it takes the line alone. A wide character begins anew anyhow."""
        if cells == 2 or not self._word or self._word_width >= self._column:
            self._begin_line()
            return "\n"
        word, width = self._word, self._word_width
        self._begin_line()
        self._word, self._word_width, self._column = word, width, width
        return f"{_ERASE.format(width)}\n{word}"

    def _begin_line(self) -> None:
        self._column, self._word, self._word_width = 0, "", 0


class PlainText:
    """The same for what is not wrapped; with `is_safe` for a terminal."""

    def __init__(self, *, is_safe: bool) -> None:
        self._is_safe = is_safe

    def feed(self, text: str) -> str:
        return visible(text) if self._is_safe else text


def cell_width(character: str) -> int:
    """0, 1 or 2 columns."""
    if character.isascii():
        return 1
    from rich.cells import get_character_cell_size

    return get_character_cell_size(character)


def writer(*, is_terminal: bool, has_wordwrap: bool) -> Wrapper | PlainText:
    """What to put an answer through that is written to the standard output."""
    if is_terminal and has_wordwrap and sys.stdout.isatty():
        return Wrapper(columns())
    return PlainText(is_safe=is_terminal)
