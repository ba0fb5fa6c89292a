"""Log probabilities in the shapes of chat completions and of completions."""

import codecs
from collections.abc import Sequence
from typing import Any

from inference.runner.messages import TokenLogprob

#: OpenAI's word for "never": JSON has no infinity.
_LOWEST = -9999.0


def chat_logprobs(entries: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """None where nobody asked for them."""
    return {"content": [_entry(entry) for entry in entries], "refusal": None} if entries else None


def _entry(entry: TokenLogprob) -> dict[str, Any]:
    return _token(entry.piece, entry.logprob) | {"top_logprobs": [_token(*top) for top in entry.top]}


def _token(piece: bytes, logprob: float) -> dict[str, Any]:
    return {"token": piece.decode("utf-8", "replace"), "logprob": max(logprob, _LOWEST), "bytes": list(piece)}


class TextLogprobs:
    """Of one choice of completions, where each token says at which character of the text it begins."""

    def __init__(self, first_offset: int = 0) -> None:
        self._offset = first_offset
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def shape(self, entries: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        """Of the next tokens; None where nobody asked for any."""
        if not entries:
            return None
        return {
            "tokens": [_text(entry.piece) for entry in entries],
            "token_logprobs": [max(entry.logprob, _LOWEST) for entry in entries],
            "top_logprobs": [_top(entry) for entry in entries] if any(entry.top for entry in entries) else None,
            "text_offset": [self._next_offset(entry.piece) for entry in entries],
        }

    def _next_offset(self, piece: bytes) -> int:
        """A character whose bytes come from several tokens counts when its last byte is there."""
        offset = self._offset
        self._offset += len(self._decoder.decode(piece))
        return offset


def _top(entry: TokenLogprob) -> dict[str, float]:
    return {_text(piece): max(logprob, _LOWEST) for piece, logprob in entry.top}


def _text(piece: bytes) -> str:
    """As OpenAI writes a part of a character: tokens are keys here, and have to differ."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)
