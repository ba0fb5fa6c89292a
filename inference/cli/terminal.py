"""The terminal: what it can show, and what must never reach it."""

import contextlib
import os
import sys
from typing import TextIO

_LINE_BREAKS = ("\n", "\t")
#: Control characters by their visible pictures (ESC as ␛); those of the second block have none.
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in _LINE_BREAKS},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    # Overrides of the writing direction make a text look like another one.
    0x202D: 0xFFFD,
    0x202E: 0xFFFD,
}
_VISIBLE_TABLE: dict[int, int | str | None] = {**_VISIBLE, 0x0D: None}
#: Encodings that cannot write most languages, which a missing locale leads to.
_POOR = ("ascii", "latin", "iso8859", "cp125", "cp437", "cp850")


def visible(text: str) -> str:
    """The text without anything that steers a terminal: what models, registries and servers say is not to be trusted.

    An escape sequence could set the clipboard, answer in the user's name or hide what is printed. Carriage returns vanish,
    line feeds and tabs stay.
    """
    return text.translate(_VISIBLE_TABLE)


def prepare_streams() -> None:
    """Lets the standard streams carry every language, whatever the locale says. One that is closed is empty from now on."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It was closed by whoever started us.
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            encoding = stream.encoding.lower().replace("-", "").replace("_", "")
            stream.reconfigure(encoding="utf-8" if encoding.startswith(_POOR) else None, errors="replace")  # type: ignore[union-attr]


def is_terminal(stream: TextIO) -> bool:
    with contextlib.suppress(ValueError):
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    return False


def columns() -> int:
    """Width of the terminal in cells; 80 where it is not known."""
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        with contextlib.suppress(OSError, ValueError):
            if width := os.get_terminal_size(stream.fileno()).columns:
                return width
    return 80


def readable(word: str) -> str:
    """A word of the command line: where it is none in the locale's encoding, in one that its bytes make sense in."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return decode_input(os.fsencode(word))
    return word


def decode_input(content: bytes) -> str:
    """Text of a file or a pipe: UTF-8, UTF-16 with its mark, or what Chinese Windows writes."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode(encoding)
    return content.decode("utf-8", "replace")
