"""The tokens of Harmony's marks in a vocabulary. Runs on the reader thread."""

import functools
from collections.abc import Sequence

from inference.harmony import CALL, END, FLAG, MARKS, MESSAGE, RETURN, START
from inference.runner.llama.vocabulary import Vocabulary

#: Of a header at a prompt's end, and of what an answer that was begun may have behind it.
_LONGEST_HEADER = 256


class HarmonyTokens:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """By mark, of those that are tokens and do not end an answer. llama.cpp counts `<|call|>` and `<|return|>` as ends of an
        answer and, beside these, `<|end|>` as none (`llama-vocab.cpp`, in llama-cpp-python 0.3.36)."""
        found = {mark: self._vocabulary.tokenize(mark, parse_special=True) for mark in MARKS}
        ends = self._vocabulary.end_tokens
        return {mark: tokens[0] for mark, tokens in found.items() if len(tokens) == 1 and tokens[0] not in ends}

    @property
    def is_complete(self) -> bool:
        """Whether the model can write a message without spelling a mark."""
        return all(mark in self.ids for mark in MARKS if mark not in (CALL, RETURN))

    @functools.cached_property
    def shown_pieces(self) -> dict[int, bytes]:
        """What is written for the marks: those that are text as well can be told from that. Nothing where the vocabulary has not
        all of them, and marks can only be text."""
        return {token: f"{FLAG}{mark}".encode() for mark, token in self.ids.items()} if self.is_complete else {}

    def opening(self, prompt: Sequence[int]) -> str:
        """The header of the message that the prompt ends in: from its last `<|start|>` on, and not beyond `<|message|>`."""
        if not self.is_complete:
            return self._spelled_opening(prompt)
        start, end = self.ids[START], self.ids[END]
        begun = next((i for i in range(len(prompt) - 1, -1, -1) if prompt[i] in (start, end)), -1)
        header = prompt[begun:] if begun >= 0 and prompt[begun] == start else []
        text = self._written(header[:_LONGEST_HEADER])
        message = FLAG + MESSAGE
        return text[: text.find(message) + len(message)] if message in text else text or FLAG

    def _spelled_opening(self, prompt: Sequence[int]) -> str:
        text = self._written(prompt[-_LONGEST_HEADER:])
        begun = text.rfind(START)
        if begun < 0 or END in text[begun:]:
            return ""
        end = text.find(MESSAGE, begun)
        return text[begun : end + len(MESSAGE)] if end >= 0 else text[begun:]

    def _written(self, tokens: Sequence[int]) -> str:
        pieces = (self.shown_pieces.get(token) or self._vocabulary.written_piece(token) for token in tokens if token >= 0)
        return b"".join(pieces).decode("utf-8", "replace")
