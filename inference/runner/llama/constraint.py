"""Keeps one answer to a grammar."""

import weakref
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama.candidates import Candidates
from inference.runner.llama.grammar import Grammar
from inference.runner.llama.vocabulary import Vocabulary

#: Of white space between the thinking part and what the grammar begins with.
_MOST_GAP_TOKENS = 4


class GrammarConstraint:
    """Made on the thread that prepares requests, used on the decode thread. With `thinking_end`, nothing is kept to until
    that text has come; with `thinking_start` too, only if the answer begins with this."""

    def __init__(
        self,
        gbnf: str,
        vocabulary: Vocabulary,
        *,
        thinking_start: str = "",
        thinking_end: str = "",
        shown_tokens: frozenset[int] = frozenset(),
    ) -> None:
        """Raises `InvalidRequest` for a grammar that llama.cpp does not take."""
        self._grammar = Grammar(gbnf, vocabulary, shown_tokens=shown_tokens)
        self.close = weakref.finalize(self, self._grammar.close)
        self._vocabulary = vocabulary
        self._thinking_end = thinking_end.encode()
        self._tail = b""
        self._num_gap_tokens = 0
        self._is_open = bool(thinking_end)
        self._thinking_start = thinking_start.encode()
        #: What has come while it may still begin with `thinking_start`; None: that is decided.
        self._begun: bytes | None = b"" if thinking_start and thinking_end else None

    def draw(self, chain: Any, candidates: Candidates, context: object, row: int) -> int:
        """A token that the chain draws and the grammar allows; -1 when there is none, which ends the answer.
        Raises `SamplingFailed`."""
        candidates.fill(context, row)
        candidates.apply(chain)
        token = candidates.selected
        if self._begun is not None:
            self._look_for_start(token)
        if self._is_open:
            token = self._watch(token)
        elif not self._skips(token):
            token = self._keep(token, chain, candidates, context, row)
        if token >= 0:
            llama_cpp.llama_sampler_accept(chain, token)
        return token

    def _look_for_start(self, token: int) -> None:
        assert self._begun is not None
        ends = token < 0 or token in self._vocabulary.end_tokens
        self._begun = (self._begun + (b"" if ends else self._vocabulary.written_piece(token))).lstrip()
        if self._begun.startswith(self._thinking_start):
            self._begun = None
        elif ends or not self._thinking_start.startswith(self._begun):
            # It does not think: the grammar holds from this token on.
            self._begun, self._is_open, self._num_gap_tokens = None, False, _MOST_GAP_TOKENS

    def _keep(self, token: int, chain: Any, candidates: Candidates, context: object, row: int) -> int:
        token = self._grammar.keep(token, chain, candidates, context, row)
        self._num_gap_tokens = _MOST_GAP_TOKENS
        return token

    def _skips(self, token: int) -> bool:
        """White space right after the thinking part."""
        if not self._thinking_end or self._num_gap_tokens >= _MOST_GAP_TOKENS or token < 0:
            return False
        self._num_gap_tokens += 1
        return self._vocabulary.piece(token).isspace()

    def _watch(self, token: int) -> int:
        """Looks for the end of the thinking part. A token that would go on beyond it is cut off there."""
        if token < 0 or token in self._vocabulary.end_tokens:
            return token
        piece = self._vocabulary.written_piece(token)
        text = self._tail + piece
        end = text.find(self._thinking_end)
        if end < 0:
            self._tail = text[-len(self._thinking_end) :]
            return token
        rest = text[end + len(self._thinking_end) :]
        if not rest.strip():
            self._is_open = False
            return token
        wanted = piece[: len(piece) - len(rest)].decode("utf-8", "replace")
        first = self._vocabulary.tokenize(wanted, parse_special=True)[0]
        self._tail += self._vocabulary.written_piece(first)
        self._is_open = self._thinking_end not in self._tail
        return first
