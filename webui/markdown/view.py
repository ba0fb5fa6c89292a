"""One reader's place in a stream of blocks, and the frames that bring the reader's page from there to now.

Frames are the arrays of docs/architecture.md, "The page's socket". A reader that asks seldom gets fewer, larger ones.
"""

from webui.markdown.open_block import RawTail
from webui.markdown.stream import BlockStream

# Characters of HTML after which closed blocks go into another frame.
LARGEST_FRAME = 64_000


class BlockView:
    """What one page shows of a `BlockStream`, from the closed block that ends at `offset` on."""

    def __init__(self, blocks: BlockStream, *, stream: int, offset: int = 0) -> None:
        self._blocks = blocks
        self._stream = stream
        self._closed_count = sum(1 for block in blocks.closed if block.end <= offset)
        self._html = ""
        self._raw: RawTail | None = None
        self._raw_end = 0
        self._seen = -1

    @property
    def is_caught_up(self) -> bool:
        """Whether `frames` would have nothing to say: no text has come and no block has closed since it was asked."""
        return self._closed_count == len(self._blocks.closed) and self._seen == self._blocks.length

    @property
    def next_delay(self) -> float:
        """Seconds to wait before the next `frames()` is worth it: longer the more a rendering costs, short for raw text."""
        return self._blocks.open_block.delay

    def frames(self) -> list[list[object]]:
        """Return what is new as protocol arrays, in the order to send them; empty if nothing is."""
        frames = self._block_frames()
        if not self._blocks.is_finished:
            frames += self._open_frames()
        self._seen = self._blocks.length
        return frames

    def _block_frames(self) -> list[list[object]]:
        blocks = self._blocks.closed[self._closed_count :]
        if not blocks:
            return []
        self._closed_count += len(blocks)
        frames: list[list[object]] = []
        parts: list[str] = []
        size = 0
        for block in blocks:
            parts.append(block.html)
            size += len(block.html)
            if size >= LARGEST_FRAME or block is blocks[-1]:
                keep, tail = self._replace("".join(parts))
                frames.append([self._stream, block.end, keep, tail])
                self._html, parts, size = "", [], 0
        self._raw = None
        return frames

    def _open_frames(self) -> list[list[object]]:
        open_block = self._blocks.open_block
        if open_block.raw is not None and open_block.raw is self._raw:
            text, self._raw_end = open_block.appended(self._raw_end)
            return [[self._stream, text]] if text else []
        html = open_block.html()
        if open_block.raw is not None:
            self._raw, self._raw_end = open_block.raw, open_block.appended(open_block.raw.start)[1]
        if html == self._html:
            return []
        keep, tail = self._replace(html)
        return [[self._stream, keep, tail]]

    def _replace(self, html: str) -> tuple[int, str]:
        """Take `html` as what the page shows; return how many UTF-16 units of what it was given last are kept, and the rest."""
        kept = _common_prefix(self._html, html)
        self._html = html
        return _utf16_length(html[:kept]), html[kept:]


def _common_prefix(old: str, new: str) -> int:
    """Return how many characters two texts share at the start, by halving: slices compare at C speed."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _utf16_length(text: str) -> int:
    """Return the length JavaScript gives to a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
