"""Characters that must not reach a page, replaced one for one so that offsets stay true."""

import re

REPLACEMENT = "\ufffd"

# C0 and C1 controls except tab and line breaks; lone surrogates, which no UTF-8 can carry; bidirectional embeddings,
# overrides and isolates, which can make code read differently from what it does (CVE-2021-42574); non-characters.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]")


def neutralise(text: str) -> str:
    """Return text of the same length in which every dangerous character is U+FFFD."""
    return _UNSAFE.sub(REPLACEMENT, text)


def same_length_newlines(text: str) -> str:
    r"""Return text of the same length in which every line ends in `\n`: for finding boundaries, not for rendering.

    The `\r` of a `\r\n` becomes a space, which no block rule minds at the end of a line.
    """
    if "\r" not in text:
        return text
    return text.replace("\r\n", " \n").replace("\r", "\n")
