"""Short ways to read answers in Harmony in tests."""

from collections.abc import Iterable
from typing import Any

from inference.harmony import FLAG, MARKS
from inference.prompt.harmony.parser import HarmonyParser
from tests.inference.prompt.parsing.reading import TOOLS, joined

OPENING = "<|start|>assistant"


def flagged(text: str) -> str:
    """As a runner writes it where all marks were tokens."""
    for mark in MARKS:
        text = text.replace(mark, FLAG + mark)
    return text


def read(pieces: Iterable[str], *, tools: list[dict[str, Any]] = TOOLS, opening: str = OPENING, **wishes: bool) -> list[Any]:
    """As `tests.inference.prompt.parsing.reading.parse`."""
    parser = HarmonyParser(tools, opening=opening, **wishes)
    events = [event for piece in pieces for event in parser.feed(piece)] + parser.finish()
    return joined(events)
