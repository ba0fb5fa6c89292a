"""A grammar and how far a text has come in it."""

import codecs
import time
import weakref
from typing import Any

import numpy as np
from llama_cpp import llama_cpp

from inference.errors import InvalidRequest
from inference.runner.engine.model_runner import SamplingFailed
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.vocabulary import Vocabulary

#: Of tokens that would make no whole characters, seldom more than one.
_MOST_TRIES = 16
#: What an ambiguous grammar costs can double with each character.
_SLOWEST_NS = 1_000_000_000


class Grammar:
    """Made on the thread that prepares requests, used on the decode thread."""

    def __init__(self, gbnf: str, vocabulary: Vocabulary, *, shown_tokens: frozenset[int] = frozenset()) -> None:
        """Control tokens are no text, except those that are shown. Raises `InvalidRequest` for a grammar that llama.cpp does
        not take."""
        handle: Any = llama_cpp.llama_sampler_init_grammar(vocabulary.handle, gbnf.encode("utf-8", "replace"), b"root")
        if not handle:
            raise InvalidRequest("The grammar cannot be used: llama.cpp does not understand it.")
        # Here and not when it is needed: it is asked of every token of the vocabulary.
        silent = vocabulary.silent_tokens
        self._silent_tokens = np.setdiff1d(silent, sorted(shown_tokens)) if shown_tokens else silent
        self._vocabulary = vocabulary
        self._shown_tokens = shown_tokens
        self._tokens_by_start = vocabulary.tokens_by_start
        #: The beginning of a character whose other bytes are to come.
        self._partial = b""
        self._own(handle)

    def _own(self, handle: Any) -> None:
        self._handle = handle
        # Also for a request that ends before it gets a sampler.
        self.close = weakref.finalize(self, llama_cpp.llama_sampler_free, handle)

    def copy(self) -> "Grammar":
        """Of the same place in the same grammar, and independent of this one."""
        copy = object.__new__(Grammar)
        copy.__dict__.update(self.__dict__)
        copy._own(llama_cpp.llama_sampler_clone(self._handle))
        return copy

    def keep(self, token: int, chain: object, candidates: Candidates, context: object, row: int) -> int:
        """The token itself where it is allowed, else one that the chain draws from those that are; -1 when there is none.
        Raises `SamplingFailed`."""
        started_ns = time.perf_counter_ns()
        if not self.allows(token, candidates):
            token = self._draw(chain, candidates, context, row)
        if token >= 0 and token not in self._vocabulary.end_tokens:
            self.accept(token)
        if time.perf_counter_ns() - started_ns > _SLOWEST_NS:
            raise SamplingFailed("The grammar can be read in too many ways at once: make it less ambiguous.")
        return token

    def accept(self, token: int) -> None:
        """Goes on by a token that is allowed and does not end the answer."""
        llama_cpp.llama_sampler_accept(self._handle, token)
        self._partial = self._partial_after(token) or b""

    def _draw(self, chain: object, candidates: Candidates, context: object, row: int) -> int:
        """Seldom needed: looking at every token of the vocabulary takes milliseconds."""
        refused: list[int] = []
        for _ in range(_MOST_TRIES):
            candidates.fill(context, row)
            candidates.forbid(self._silent_tokens)
            candidates.forbid(self._tokens_by_start[not self._partial])
            candidates.forbid(np.array(refused, dtype=np.int32))
            candidates.apply(self._handle)
            candidates.apply(chain)
            token = candidates.selected
            if self.allows(token, candidates):
                return token
            if token < 0 or not candidates.allows(self._handle, token):
                return -1
            refused.append(token)
        return -1

    def follow(self, text: str, candidates: Candidates) -> bool:
        """Takes a text that is there already; False, and then this grammar is of no more use, where it does not fit."""
        for token in self._vocabulary.tokenize(text, parse_special=False):
            if not candidates.allows(self._handle, token):
                return False
            llama_cpp.llama_sampler_accept(self._handle, token)
        return True

    def may_end(self, candidates: Candidates) -> bool:
        """Whether the text is complete; it may still be one that can go on."""
        return any(candidates.allows(self._handle, token) for token in sorted(self._vocabulary.end_tokens)[:1])

    def allows(self, token: int, candidates: Candidates) -> bool:
        """Tokens without text are none that a grammar speaks of: llama.cpp would compare their names. Nor are bytes that make no
        character: llama.cpp counts them as one, and what is shown for them are several."""
        known = self._vocabulary
        if token < 0 or not (known.piece(token) or token in known.end_tokens or token in self._shown_tokens):
            return False
        return self._partial_after(token) is not None and candidates.allows(self._handle, token)

    def _partial_after(self, token: int) -> bytes | None:
        """What would be unfinished after the token; None where it does not go on with what is."""
        known = self._vocabulary
        piece = known.written_piece(token) if token in self._shown_tokens else known.piece(token)
        if not self._partial and piece.isascii():
            return b""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            decoder.decode(self._partial + piece)
        except UnicodeDecodeError:
            return None
        return decoder.getstate()[0]
