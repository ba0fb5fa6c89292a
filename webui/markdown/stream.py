"""One generation's growing text, cut into top-level blocks while it grows.

A closed block is rendered once, finally. The open one, the rest of the text, is rendered when a reader asks, as `OpenBlock` says.
Parsing starts at the open block, so all work and all bytes stay proportional to the text.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from webui.markdown.boundaries import find_boundaries
from webui.markdown.fence import Fence, open_fence
from webui.markdown.open_block import OpenBlock
from webui.markdown.rendering import render_block

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# Characters of open text up to which every new line is parsed; beyond, a parse waits for a growth by a quarter or a sure sign.
PARSE_EVERY_LINE = 4_000
_GROWTH = 1.25
# After a blank line, a line that begins at the margin and is no list item always begins a new block.
_NEW_BLOCK = re.compile(r"\n[ \t]*\r?\n(?!(?:[-+*]|\d{1,9}[.)])(?:[ \t\r\n]|$))[^ \t\r\n]")


@dataclass(frozen=True, slots=True)
class ClosedBlock:
    """A finished block: `start` and `end` in characters of Markdown, and its final sanitised HTML (empty for definitions)."""

    start: int
    end: int
    html: str


class BlockStream:
    """The text of one running generation. Not thread-safe: one task appends, readers look on in the same event loop."""

    def __init__(self, text: str = "") -> None:
        self.closed: list[ClosedBlock] = []
        self.is_finished = False
        self._joined = ""
        self._pending: list[str] = []
        self.length = 0
        self._references: dict[str, Any] = {}
        self._fence: Fence | None = None
        self._next_parse = 0
        self._scanned = 0
        self._open = OpenBlock()
        if text:
            self.append(text)

    @property
    def text(self) -> str:
        """The whole Markdown so far."""
        if self._pending:
            self._joined += "".join(self._pending)
            self._pending.clear()
        return self._joined

    @property
    def open_start(self) -> int:
        """Where the open block begins: the end of the last closed one."""
        return self.closed[-1].end if self.closed else 0

    @property
    def open_block(self) -> OpenBlock:
        """The open block's rendering, shared by all readers."""
        self._open.update(self.text, self.open_start, self._fence)
        return self._open

    def append(self, text: str) -> None:
        """Add generated text, and close the blocks that nothing later can change."""
        self._pending.append(text)
        self.length += len(text)
        if "\n" in text or "\r" in text:
            self._advance()

    def finish(self) -> None:
        """Close what is open: no more text comes. May be called again."""
        if not self.is_finished:
            self.is_finished = True
            self._fence = None
            start = self.open_start
            self._close(start, find_boundaries(self.text[start:], is_final=True).ends)

    def render_open(self) -> str:
        """Return the open block's sanitised HTML, rendered anew only if the text has grown since the last call."""
        return self.open_block.html()

    def closed_html(self, upto: int | None = None) -> "tuple[SafeString, int]":
        """Return the HTML of the closed blocks ending at or before `upto` characters (None: all), and where the last ends."""
        from django.utils.safestring import SafeString

        count = len(self.closed) if upto is None else bisect_right(self.closed, upto, key=lambda block: block.end)
        blocks = self.closed[:count]
        return SafeString("".join(block.html for block in blocks)), blocks[-1].end if blocks else 0

    def _advance(self) -> None:
        text = self.text
        # A `\r` at the very end may be half of a line break.
        complete_end = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
        if self._fence is not None:
            end = self._fence.find_end(text, complete_end)
            if end is None:
                return
            self._fence = None
            self._close(0, [end])
        if self._is_parse_due(text, complete_end):
            self._parse(text, complete_end)

    def _is_parse_due(self, text: str, complete_end: int) -> bool:
        start, scanned = self.open_start, self._scanned
        self._scanned = complete_end
        length = complete_end - start
        if length <= 0:
            return False
        if length <= PARSE_EVERY_LINE or length >= self._next_parse:
            return True
        return _NEW_BLOCK.search(text, max(scanned - 2, start), complete_end) is not None

    def _parse(self, text: str, complete_end: int) -> None:
        start = self.open_start
        found = find_boundaries(text[start:complete_end])
        self._close(start, found.ends)
        if found.fence_start is not None:
            self._fence = open_fence(text, start + found.fence_start)
            if self._fence is not None:
                self._fence.scanned = complete_end
        self._next_parse = int((complete_end - self.open_start) * _GROWTH)

    def _close(self, base: int, ends: list[int]) -> None:
        for start, end in pairwise([self.open_start, *(base + end for end in ends)]):
            html = render_block(self.text[start:end], self._references)
            self.closed.append(ClosedBlock(start, end, html))
