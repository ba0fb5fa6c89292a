"""The block that is still being written, as HTML that either is rendered anew or only grows at its end.

A short one is rendered whole each time. A long code fence, and any other block beyond a size, is *raw*: fixed HTML, then
escaped text that only grows, then closing tags. In that state a reader gets the new text alone, to add to the last text node.
"""

import time
from dataclasses import dataclass
from html import escape

from webui.markdown.characters import neutralise
from webui.markdown.fence import Fence
from webui.markdown.rendering import render_block

# Characters of code after which an open fence is no longer coloured at every change but grows raw.
LONG_FENCE = 2_500
# Characters of any other open block after which what follows is shown raw until it closes.
LONG_BLOCK = 12_000
# Seconds between two renderings: never less, and so much more that rendering takes at most a twentieth of the time.
SHORTEST_DELAY = 0.1
LONGEST_DELAY = 2.0
RAW_DELAY = 0.03
_SHARE = 20


@dataclass(frozen=True, slots=True)
class RawTail:
    """The fixed part of a raw open block: HTML before and after the text, and the offset where that text begins."""

    before: str
    start: int
    after: str


class OpenBlock:
    """What is known of the open block; `update` before each use."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        self._fence: Fence | None = None
        self._raw: RawTail | None = None
        self._html: str | None = None
        self._cost = 0.0

    def update(self, text: str, start: int, fence: Fence | None) -> None:
        """Take in the whole text, where its open block starts, and the open fence that block is, if it is one."""
        if start == self._start and len(text) == len(self._text) and fence is self._fence:
            return
        if start != self._start or fence is not self._fence:
            self._raw = None
        self._text, self._start, self._fence, self._html = text, start, fence, None
        if self._raw is None:
            self._raw = self._raw_tail()

    @property
    def raw(self) -> RawTail | None:
        """The fixed part, once the block grows raw. The same object as long as appending is right."""
        return self._raw

    @property
    def delay(self) -> float:
        """Seconds to wait before it is worth asking for HTML again."""
        return RAW_DELAY if self._raw else min(max(SHORTEST_DELAY, self._cost * _SHARE), LONGEST_DELAY)

    @property
    def end(self) -> int:
        """The offset up to which the block is shown now."""
        return self._fence.safe_end(self._text) if self._fence else len(self._text)

    def html(self) -> str:
        """Return the block's sanitised HTML as of the last update."""
        if self._html is None:
            started = time.thread_time()
            self._html = self._render()
            self._cost = time.thread_time() - started
        return self._html

    def appended(self, start: int) -> tuple[str, int]:
        """Return the raw text, harmless but not escaped, from an offset on, and the offset it reaches."""
        end = max(self.end, start)
        if self._fence:
            return neutralise(self._fence.code(self._text, start, end)), end
        if self._text.endswith("\r", start, end):
            end -= 1
        return neutralise(self._text[start:end].replace("\r\n", "\n")), end

    def _raw_tail(self) -> RawTail | None:
        if self._fence is not None:
            return self._raw_fence(self._fence)
        if len(self._text) - self._start <= LONG_BLOCK:
            return None
        # What is there is rendered once more, up to the last line that text follows; the rest stays raw until the block closes.
        cut = max(self._text.rfind("\n", self._start, len(self._text) - 1) + 1, self._start)
        before = render_block(self._text[self._start : cut], {}) if cut > self._start else ""
        return RawTail(f'{before}<div class="raw-text">', cut, "</div>")

    def _raw_fence(self, fence: Fence) -> RawTail | None:
        if fence.safe_end(self._text) - fence.code_start <= LONG_FENCE:
            return None
        from webui.markdown.html_renderer import FENCE_TAIL, fence_head

        before = render_block(self._text[self._start : fence.start], {})
        return RawTail(before + fence_head(neutralise(fence.info)), fence.code_start, FENCE_TAIL)

    def _render(self) -> str:
        if self._raw is None:
            return render_block(self._text[self._start : self.end], {}).rstrip("\n")
        from webui.markdown.sanitizer import sanitize

        text, _ = self.appended(self._raw.start)
        return sanitize(f"{self._raw.before}{escape(text, quote=False)}{self._raw.after}")
