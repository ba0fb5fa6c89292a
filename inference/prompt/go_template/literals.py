"""Constants of Go's source text: numbers, characters, quoted strings."""

import re

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)")
_MAX_INTEGER = 2**63 - 1
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_MAX_NUMBER_CHARS = 400


def number_of(text: str) -> int | float:
    """Raises `ValueError` for what is no number or an integer that does not fit 64 bits."""
    if len(text) > _MAX_NUMBER_CHARS:
        raise ValueError("number is too long")
    plain = text.replace("_", "")
    if _DECIMAL.match(plain) and any(mark in plain for mark in ".eE"):
        return float(plain)
    digits = plain.lstrip("+-")
    if digits[:2].lower() == "0x" and any(mark in digits for mark in ".pP"):
        return float.fromhex(plain)
    base = 8 if digits[:1] == "0" and digits[1:].isdecimal() else 0
    value = int(plain, base) if base == 0 else int(plain, 8)
    if not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER:
        raise ValueError("integer overflow")
    return value


def string_of(quoted: str) -> str:
    """A string with its quotes. Raises `ValueError`."""
    if quoted[0] == "`":
        return quoted[1:-1].replace("\r", "")
    return _unescape(quoted[1:-1], forbidden="'")


def character_of(quoted: str) -> int:
    """A character constant with its quotes. Raises `ValueError`."""
    text = _unescape(quoted[1:-1], forbidden='"')
    if len(text) != 1:
        raise ValueError("malformed character constant")
    return ord(text)


def _unescape(text: str, *, forbidden: str) -> str:
    """Bytes that are no UTF-8 become U+FFFD, as they do when Go prints them as text."""
    made, position = bytearray(), 0
    for match in _ESCAPE.finditer(text):
        made += text[position : match.start()].encode()
        made += _escaped(match, forbidden)
        position = match.end()
    return (made + text[position:].encode()).decode("utf-8", "replace")


def _escaped(match: re.Match[str], forbidden: str) -> bytes:
    letter, hexadecimal, octal, short, long = match.groups()
    if letter is not None and letter != forbidden:
        return _ESCAPES[letter].encode()
    if hexadecimal is not None or octal is not None:
        return bytes([int(hexadecimal, 16) if hexadecimal is not None else int(octal, 8)])
    if short is None and long is None:
        raise ValueError("invalid escape in a string")
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError("invalid character in a string")
    return chr(code).encode()
