"""Sets of characters, and how they are written in a grammar for the inside of a JSON string."""

import json
import re
from collections.abc import Iterable
from typing import Any

#: Inclusive ranges of code points, sorted and apart.
CharacterSet = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
ANY: CharacterSet = ((0, LAST),)
#: JSON text cannot hold them, or only behind a backslash.
_NOT_PLAIN: CharacterSet = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0xD800, 0xDFFF))
#: Halves of surrogate pairs, and what ends a text in C.
_NO_CHARACTERS: CharacterSet = ((0x00, 0x00), (0xD800, 0xDFFF))
_RARE = re.compile("([\U00040000-\U0010ffff])")
_ESCAPES = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x5C: "\\"}


def united(ranges: Iterable[tuple[int, int]]) -> CharacterSet:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def complement(characters: CharacterSet) -> CharacterSet:
    found, next_free = [], 0
    for low, high in characters:
        if low > next_free:
            found.append((next_free, low - 1))
        next_free = high + 1
    if next_free <= LAST:
        found.append((next_free, LAST))
    return tuple(found)


def without(characters: CharacterSet, removed: CharacterSet) -> CharacterSet:
    return complement(united((*complement(characters), *removed)))


def overlap(left: CharacterSet, right: CharacterSet) -> bool:
    return any(low <= other_high and other_low <= high for low, high in left for other_low, other_high in right)


def in_json_string(characters: CharacterSet) -> str:
    """GBNF for one character of the set as it stands in a JSON string; empty when there is no way to write one."""
    options = []
    if plain := without(characters, _NOT_PLAIN):
        options.append("[" + "".join(_range(low, high) for low, high in plain) + "]")
    escaped = [letter for code, letter in _ESCAPES.items() if any(low <= code <= high for low, high in characters)]
    options += [literal("\\" + letter) for letter in escaped]
    return options[0] if len(options) == 1 else f"({' | '.join(options)})" if options else ""


def plain(characters: CharacterSet) -> str:
    """GBNF for one character of the set as it is; empty when none of them can stand in a text."""
    possible = without(characters, _NO_CHARACTERS)
    return "[" + "".join(_range(low, high) for low, high in possible) + "]" if possible else ""


def literal(text: str) -> str:
    """GBNF for exactly this text."""
    return '"' + "".join(_escaped(ord(character)) for character in text) + '"'


def json_literal(value: Any) -> str:
    """GBNF for a value as JSON. Some vocabularies cannot spell what lies beyond the planes in use; JSON can, with a backslash."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    parts = [part for part in _RARE.split(text) if part]
    return " ".join(
        f"({literal(part)} | {literal(json.dumps(part)[1:-1])})" if _RARE.match(part) else literal(part) for part in parts
    )


def _range(low: int, high: int) -> str:
    return _escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}"


def _escaped(code: int) -> str:
    character = chr(code)
    if character.isascii() and (character.isalnum() or character in " _:,.;{}()<>/=+@#%&*!?'~"):
        return character
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
