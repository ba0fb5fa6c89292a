"""Tokens' bytes to text that can be shown, as it comes."""

import codecs


class Detokenizer:
    """Gives out whole characters only, and nothing that may turn out to be the beginning of a stop string.

    The result does not depend on where the borders between pieces fall: the answer ends before the stop string
    that is complete first (the longest, when several are complete at the same character).
    """

    __slots__ = ("_decoder", "_held", "_stop", "cut", "is_stopped", "stop_text")

    def __init__(self, stop: list[str]) -> None:
        # Bytes that are no UTF-8 at all become U+FFFD; those of an incomplete character are kept until it is complete.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = [text for text in stop if text]
        self._held = ""
        self.is_stopped = False
        #: The stop string that was complete first; empty before.
        self.stop_text = ""
        #: What has come of the answer and is left out: that stop string, and what stood behind it.
        self.cut = ""

    @property
    def num_held(self) -> int:
        """Characters that were fed and not given out."""
        return len(self._held)

    def feed(self, piece: bytes) -> str:
        """Text that is now certain, often empty. After a stop string nothing more comes."""
        if self.is_stopped:
            return ""
        text = self._decoder.decode(piece)
        if not self._stop:
            return text
        text = self._held + text
        match = min(
            ((start + len(stop), start, stop) for stop in self._stop if (start := text.find(stop)) >= 0),
            default=None,
        )
        if match is not None:
            self.is_stopped, self.stop_text, self._held = True, match[2], ""
            self.cut = text[match[1] :]
            return text[: match[1]]
        certain = len(text) - self._num_held(text)
        self._held = text[certain:]
        return text[:certain]

    def flush(self) -> str:
        """What was held back, when the answer ends without a stop string. An incomplete character is left out."""
        text, self._held = self._held, ""
        return text

    def _num_held(self, text: str) -> int:
        """Length of the longest end of the text with which a stop string begins."""
        longest = 0
        for stop in self._stop:
            for size in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:size]):
                    longest = size
                    break
        return longest
