"""A grammar and how far a text has come in it."""

import time
import weakref
from typing import Any

import numpy as np
from llama_cpp import llama_cpp

from inference.errors import InvalidRequest
from inference.runner.engine.model_runner import SamplingFailed
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.vocabulary import Vocabulary, partial_after

#: What an ambiguous grammar costs can double with each character.
_SLOWEST_NS = 1_000_000_000
NOTHING_TO_DRAW = (
    "The answer cannot be completed as its format, grammar or tools demand: this model has no token that may come next, "
    "or logit_bias forbids them all."
)


class Grammar:
    """Made on the thread that prepares requests, used on the decode thread."""

    def __init__(
        self,
        gbnf: str,
        vocabulary: Vocabulary,
        *,
        root: str = "root",
        shown_tokens: frozenset[int] = frozenset(),
        last_shown: int | None = None,
    ) -> None:
        """Control tokens are no text, except those that are shown; behind `last_shown`, not even those. Raises `InvalidRequest`
        for a grammar that llama.cpp does not take."""
        text = gbnf.encode("utf-8", "replace")
        handle: Any = llama_cpp.llama_sampler_init_grammar(vocabulary.handle, text, root.encode())
        if not handle:
            raise InvalidRequest("The grammar cannot be used: llama.cpp does not understand it.")
        # Here and not when it is needed: it is asked of every token of the vocabulary.
        silent = vocabulary.silent_tokens
        self._silent_tokens = np.setdiff1d(silent, sorted(shown_tokens)) if shown_tokens else silent
        self._vocabulary = vocabulary
        self._shown_tokens = shown_tokens
        self._last_shown = last_shown
        #: Tokens that are no text any longer.
        self._hidden_tokens: frozenset[int] = frozenset()
        self._tokens_by_start = vocabulary.tokens_by_start
        vocabulary.misfits(b"")
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
        """The token itself where it is allowed, else one that the chain draws from those that are; -1 when nothing may follow a
        text that is complete. Raises `SamplingFailed` where nothing can follow one that is not."""
        started_ns = time.perf_counter_ns()
        if not self.allows(token, candidates):
            token = self._draw(chain, candidates, context, row)
            if token < 0 and not self.may_end(candidates):
                raise SamplingFailed(NOTHING_TO_DRAW)
        if token >= 0 and token not in self._vocabulary.end_tokens:
            self.accept(token)
        if time.perf_counter_ns() - started_ns > _SLOWEST_NS:
            raise SamplingFailed("The grammar can be read in too many ways at once: make it less ambiguous.")
        return token

    def accept(self, token: int) -> None:
        """Goes on by a token that is allowed and does not end the answer."""
        llama_cpp.llama_sampler_accept(self._handle, token)
        self._partial = self._partial_after(token) or b""
        if token == self._last_shown:
            self.hide_tokens()

    def hide_tokens(self) -> None:
        """The tokens that were shown are no text any longer."""
        self._hidden_tokens = self._shown_tokens

    def _draw(self, chain: object, candidates: Candidates, context: object, row: int) -> int:
        """Seldom needed: looking at every token of the vocabulary takes milliseconds."""
        candidates.fill(context, row)
        candidates.forbid(self._silent_tokens)
        if self._hidden_tokens:
            candidates.forbid(np.array(sorted(self._hidden_tokens), dtype=np.int32))
        candidates.forbid(self._tokens_by_start[not self._partial])
        candidates.forbid(self._vocabulary.misfits(self._partial))
        candidates.apply(self._handle)
        candidates.apply(chain)
        token = candidates.selected
        return token if self.allows(token, candidates) else -1

    def follow(self, text: str, candidates: Candidates) -> bool:
        """Takes a text that is there already; False, and then this grammar is of no more use, where it does not fit."""
        for token in self._vocabulary.tokenize(text, parse_special=False):
            if not candidates.allows(self._handle, token):
                return False
            llama_cpp.llama_sampler_accept(self._handle, token)
        return True

    def may_end(self, candidates: Candidates) -> bool:
        """Whether the text is complete; it may still be one that can go on."""
        return any(self.allows(token, candidates) for token in sorted(self._vocabulary.end_tokens)[:1])

    def allows(self, token: int, candidates: Candidates) -> bool:
        """Tokens without text are none that a grammar speaks of: llama.cpp would compare their names. Nor are bytes that make no
        character: llama.cpp counts them as one, and what is shown for them are several."""
        known = self._vocabulary
        if token < 0 or token in self._hidden_tokens:
            return False
        if not (known.piece(token) or token in known.end_tokens or token in self._shown_tokens):
            return False
        return self._partial_after(token) is not None and candidates.allows(self._handle, token)

    def _partial_after(self, token: int) -> bytes | None:
        """What would be unfinished after the token; None where it does not go on with what is."""
        known = self._vocabulary
        return partial_after(self._partial, known.written_piece(token) if token in self._shown_tokens else known.piece(token))
