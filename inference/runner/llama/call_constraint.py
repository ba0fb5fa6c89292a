"""Keeps the calls of tools in an answer to a grammar, and leaves the rest of it alone."""

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from llama_cpp import llama_cpp

from inference.runner.call_search import BegunCall
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.grammar import Grammar
from inference.runner.llama.vocabulary import Vocabulary

if TYPE_CHECKING:
    from inference.runner.llama.sampler import SamplerChain


class Search(Protocol):
    """Looks for the place in an answer where a call begins: see `CallSearch`."""

    def find(self, piece: bytes, /) -> BegunCall | None: ...

    def end_call(self) -> None: ...

    def pass_over(self) -> None: ...


class CallConstraint:
    """Made on the thread that prepares requests, used on the decode thread. Its grammar is of one call, from its mark to its
    end. Outside of calls a token costs what it costs without tools, and a search in a few characters."""

    def __init__(
        self,
        gbnf: str,
        vocabulary: Vocabulary,
        search: Search,
        *,
        is_single: bool,
        shown_pieces: Mapping[int, bytes],
        last_shown: int | None = None,
    ) -> None:
        """With `is_single` the answer ends after its first call; `shown_pieces` is what the answer has for tokens that are
        otherwise invisible, and `last_shown`: see `Grammar`. Raises `InvalidRequest`."""
        self._grammar = Grammar(gbnf, vocabulary, shown_tokens=frozenset(shown_pieces), last_shown=last_shown)
        self._vocabulary = vocabulary
        self._search = search
        self._is_single = is_single
        self._shown_pieces = shown_pieces
        self._call: Grammar | None = None
        self._is_over = False
        self.close = weakref.finalize(self, self._grammar.close)

    def draw(self, chain: "SamplerChain", candidates: Candidates, context: object, row: int) -> int:
        """As `GrammarConstraint.draw`; nothing may follow a call where one is all that was asked for."""
        if self._is_over:
            return -1
        if self._call is not None:
            return self._go_on(self._call, chain, candidates, context, row)
        token = chain.draw(candidates, context, row)
        if token in self._vocabulary.end_tokens:
            return token
        piece = self._piece(token)
        begun = self._search.find(piece)
        return token if begun is None else self._begin(begun, token, piece, candidates)

    def is_cut_short(self, cut: str, candidates: Candidates) -> bool:
        """Whether it ended within a call. What stands around calls is free, and a call that is left out in part is none."""
        return self._call is not None

    def _go_on(self, call: Grammar, chain: "SamplerChain", candidates: Candidates, context: object, row: int) -> int:
        candidates.fill(context, row)
        candidates.apply(chain.handle)
        token = call.keep(candidates.selected, chain.handle, candidates, context, row)
        if token >= 0:
            llama_cpp.llama_sampler_accept(chain.handle, token)
            self._look_for_end(candidates)
        return token

    def _begin(self, begun: BegunCall, token: int, piece: bytes, candidates: Candidates) -> int:
        """The token with which a call begins, or the first one of its part of that where it goes on as no call does."""
        self._call = self._grammar.copy()
        if not self._call.follow(begun.text, candidates):
            # JSON in an order, or laid out, as the grammar has it not: what comes of it is looked at when it is there.
            self._leave()
            self._search.pass_over()
            return token
        rest = piece[len(piece) - begun.num_rest :]
        if not rest or self._follows(rest, candidates):
            self._look_for_end(candidates)
            return token
        self._leave()
        first = self._vocabulary.first_token(piece[: len(piece) - begun.num_rest])
        again = self._search.find(self._piece(first))
        # Otherwise the mark is not complete yet, and goes on with the next token.
        if again is not None:
            self._call = self._grammar.copy()
            self._call.follow(again.text, candidates)
        return first

    def _follows(self, rest: bytes, candidates: Candidates) -> bool:
        assert self._call is not None, "it has begun"
        try:
            return self._call.follow(rest.decode(), candidates)
        except UnicodeDecodeError:
            # Part of a character: cut off, it comes again.
            return False

    def _look_for_end(self, candidates: Candidates) -> None:
        if self._call is not None and self._call.may_end(candidates):
            self._leave()
            self._search.end_call()
            self._is_over = self._is_single

    def _leave(self) -> None:
        if self._call is not None:
            self._call.close()
            self._call = None

    def _piece(self, token: int) -> bytes:
        return self._shown_pieces.get(token) or self._vocabulary.piece(token)
