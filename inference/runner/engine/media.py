"""Images in a sequence. What an image is to the engine: places that are computed together or not at all."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import shake_128
from typing import Any

_ID_BITS = 0x3FFFFFFF
#: -1 is what a context shift leaves.
_FIRST_ID = -2


@dataclass(frozen=True, slots=True, eq=False)
class MediaSpan:
    """Consecutive positions of a sequence that hold an image, or a part of one. Among the sequence's tokens there stands an
    id for each of them, by `media_ids`."""

    start: int
    end: int
    #: What the model runner computes them from.
    media: Any
    #: Most models give each of an image's tokens a position. Where they share some, a span holds this many tokens more
    #: than it has positions, and each takes its place in the KV cache.
    num_extra_tokens: int = 0


def media_ids(content_digest: bytes, part: int, count: int) -> list[int]:
    """Numbers that are no tokens, the same for the same part of the same content, and others for any other: what is
    computed for one image is found again by them, and never taken for another."""
    words = array("I", shake_128(content_digest + part.to_bytes(4, "big")).digest(4 * count))
    return [_FIRST_ID - (word & _ID_BITS) for word in words]


def uncut(spans: Sequence[MediaSpan], num_tokens: int) -> int:
    """The largest number of tokens, not above `num_tokens`, that ends inside no span."""
    for span in spans:
        if span.start >= num_tokens:
            break
        if num_tokens < span.end:
            return span.start
    return num_tokens


def next_span(spans: Sequence[MediaSpan], position: int) -> MediaSpan | None:
    """The first that begins at or after a position."""
    return next((span for span in spans if span.start >= position), None)
