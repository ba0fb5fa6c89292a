"""Where top-level blocks end, and which of them no later line can change."""

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webui.markdown.characters import neutralise, same_length_newlines

if TYPE_CHECKING:
    from markdown_it.token import Token

logger = logging.getLogger(__name__)

# A block of these kinds is over with its last line, of those with the next blank line. Lists, indented code and footnotes
# go on after blank lines: they end only where another block begins.
_OVER_AT_ONCE = {"heading_open", "hr", "formula_block", "closed_fence"}
_OVER_AT_BLANK = {"paragraph_open", "table_open", "blockquote_open"}
_FORMULA_OPENING = re.compile(r"\$\$|\\\[")


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Offsets from the start of the parsed lines: the ends of closed blocks, and the start of a fence that is still open."""

    ends: list[int]
    fence_start: int | None
    open_kind: str


@dataclass(frozen=True, slots=True)
class _Span:
    """A top-level block by line numbers; `end` is the line after its last one that is not blank."""

    first: int
    end: int
    kind: str


class _Lines:
    def __init__(self, text: str) -> None:
        self.text = same_length_newlines(text)
        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        if self.starts[-1] < len(self.text):
            self.starts.append(len(self.text))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, number: int) -> str:
        return self.text[self.starts[number] : self.starts[number + 1]]

    def is_blank(self, number: int) -> bool:
        return number < len(self) and not self.line(number).strip(" \t\n")

    def after_blanks(self, number: int) -> int:
        while self.is_blank(number):
            number += 1
        return number


def find_boundaries(text: str, *, is_final: bool = False) -> Boundaries:
    """Parse complete lines that begin where a block may begin; with `is_final`, nothing follows and every block is closed."""
    lines = _Lines(text)
    spans = _spans(lines)
    last_blank = max((number for number in range(len(lines)) if lines.is_blank(number)), default=-1)
    ends: list[int] = []
    cut = 0
    for span in spans:
        if lines.after_blanks(cut) < span.first and lines.is_blank(span.first - 1):
            cut = _close(lines, ends, span.first)  # Definitions, which make no block of their own.
        if not is_final and not _is_over(lines, span, span is spans[-1], last_blank):
            return Boundaries(ends, lines.starts[span.first] if span.kind == "open_fence" else None, span.kind)
        cut = _close(lines, ends, lines.after_blanks(span.end))
    if is_final or (lines.after_blanks(cut) < len(lines) and last_blank == len(lines) - 1):
        _close(lines, ends, len(lines))
    return Boundaries(ends, None, "")


def _close(lines: _Lines, ends: list[int], line: int) -> int:
    if lines.starts[line] > (ends[-1] if ends else 0):
        ends.append(lines.starts[line])
    return line


def _is_over(lines: _Lines, span: _Span, is_last: bool, last_blank: int) -> bool:
    if span.kind in _OVER_AT_ONCE:
        return True
    if is_last:
        return span.kind in _OVER_AT_BLANK and lines.is_blank(span.end)
    # Another block has begun. But a formula opened within this one may yet find its end further on, unless a blank line
    # forbids it.
    body = lines.text[lines.starts[span.first] : lines.starts[span.end]]
    return last_blank >= span.end or not _FORMULA_OPENING.search(body)


def _spans(lines: _Lines) -> list[_Span]:
    from markdown_it.token import Token

    from webui.markdown.parser import parser

    made, tokens = parser(), list[Token]()
    try:
        made.block.parse(neutralise(lines.text), made, {}, tokens)
    except Exception:
        # As in rendering: a parser's defect must not end an answer. The text stays one open block.
        logger.exception("The blocks of %d characters could not be told apart", len(lines.text))
        return [_Span(0, len(lines), "unknown")]
    return [
        _span(lines, token)
        for token in tokens
        if token.level == 0 and token.nesting >= 0 and token.map and token.type != "inline"
    ]


def _span(lines: _Lines, token: "Token") -> _Span:
    first, end = token.map or (0, 0)
    kind = token.type
    if kind == "fence":
        closing = rf" {{0,3}}{re.escape(token.markup[0])}{{{len(token.markup)},}}[ \t]*\n?"
        is_closed = end - 1 > first and re.fullmatch(closing, lines.line(end - 1))
        kind = "closed_fence" if is_closed else "open_fence"
    while end - 1 > first and lines.is_blank(end - 1):
        end -= 1
    return _Span(first, end, kind)
