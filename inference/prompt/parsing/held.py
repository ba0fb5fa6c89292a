"""Finds marks in text that is still growing."""

from collections.abc import Sequence


def first_mark(text: str, marks: Sequence[str]) -> tuple[int, str] | None:
    """Where the mark begins that is complete first, and which it is (the longest of several that end together)."""
    found = [(start + len(mark), start, mark) for mark in marks if (start := text.find(mark)) >= 0]
    return min(found)[1:] if found else None


def num_held(text: str, marks: Sequence[str]) -> int:
    """Length of the longest end of the text with which one of the marks begins."""
    longest = 0
    for mark in marks:
        for size in range(min(len(mark) - 1, len(text)), longest, -1):
            if text.endswith(mark[:size]):
                longest = size
                break
    return longest


def is_beginning(text: str, marks: Sequence[str]) -> bool:
    """Whether the text may grow into one of the marks."""
    return any(len(text) < len(mark) and mark.startswith(text) for mark in marks)
