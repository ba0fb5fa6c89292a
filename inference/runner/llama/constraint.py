"""Keeps one answer to a grammar."""

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llama_cpp import llama_cpp

from inference.runner.engine.model_runner import SamplingFailed
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.grammar import NOTHING_TO_DRAW, Grammar
from inference.runner.llama.vocabulary import Vocabulary

if TYPE_CHECKING:
    from inference.runner.llama.sampler import SamplerChain

#: Of white space before the thinking part, or between it and what the grammar begins with.
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
        may_be_cut: bool = False,
    ) -> None:
        """`may_be_cut`: `is_cut_short` will be asked. Raises `InvalidRequest` for a grammar that llama.cpp does not take."""
        self._grammar = Grammar(gbnf, vocabulary, shown_tokens=shown_tokens)
        #: At its beginning, for what is left when the end of the answer is cut off; and what the grammar has taken.
        self._unused = self._grammar.copy() if may_be_cut else None
        self._taken: list[bytes] = []
        self._shown_tokens = shown_tokens
        self.close = weakref.finalize(self, _close, [self._grammar, *([self._unused] if self._unused else [])])
        self._vocabulary = vocabulary
        self._thinking_end = thinking_end.encode()
        self._tail = b""
        self._num_gap_tokens = 0
        self._is_open = bool(thinking_end)
        self._thinking_start = thinking_start.encode()
        #: What has come while it may still begin with `thinking_start`; None: that is decided.
        self._begun: bytes | None = b"" if thinking_start and thinking_end else None
        #: What is to come whatever the chain draws.
        self._forced = b""

    def draw(self, chain: "SamplerChain", candidates: Candidates, context: object, row: int) -> int:
        """A token that the chain draws and the grammar allows; -1 when nothing may follow what is complete, which ends the
        answer. Raises `SamplingFailed`."""
        candidates.fill(context, row)
        candidates.apply(chain.handle)
        token = self._next_forced() if self._forced else candidates.selected
        if self._begun is not None:
            token = self._look_for_start(token, candidates)
        if self._is_open:
            token = self._watch(token)
        elif not self._skips(token):
            token = self._keep(token, chain.handle, candidates, context, row)
        if token >= 0:
            llama_cpp.llama_sampler_accept(chain.handle, token)
        return token

    def _look_for_start(self, token: int, candidates: Candidates) -> int:
        """The token itself, or the one with which the opening tag goes on where the answer can be nothing else."""
        assert self._begun is not None
        before = self._begun
        begun = before if self._ends(token) else (before + self._vocabulary.written_piece(token)).lstrip()
        self._num_gap_tokens += not begun
        if begun.startswith(self._thinking_start):
            self._begun, self._num_gap_tokens = None, 0
        elif begun != before and self._thinking_start.startswith(begun):
            self._begun = begun
        elif before and not self._takes(before, candidates):
            self._begun, self._num_gap_tokens, self._forced = None, 0, self._thinking_start[len(before) :]
            return self._next_forced()
        elif begun or self._ends(token) or self._num_gap_tokens > _MOST_GAP_TOKENS:
            # It does not think: the grammar holds from this token on.
            self._begun, self._is_open, self._num_gap_tokens = None, False, _MOST_GAP_TOKENS
        return token

    def _takes(self, begun: bytes, candidates: Candidates) -> bool:
        """Whether what has come can be the beginning of what the grammar is of, which goes on after it then."""
        text, trial = begun.decode("utf-8", "replace"), self._grammar.copy()
        is_taken = trial.follow(text, candidates)
        trial.close()
        if is_taken:
            self._taken.append(begun)
        return is_taken and self._grammar.follow(text, candidates)

    def is_cut_short(self, cut: str, candidates: Candidates) -> bool:
        """Whether the answer is not what the grammar asks for where its end, `cut`, is left out."""
        if self._unused is None:
            return False
        text = b"".join(self._taken).decode("utf-8", "ignore")
        if self._is_open or self._begun is not None or len(cut) > len(text):
            return True
        rest = self._unused.copy()
        is_whole = rest.follow(text[: len(text) - len(cut)], candidates) and rest.may_end(candidates)
        rest.close()
        return not is_whole

    def _ends(self, token: int) -> bool:
        return token < 0 or token in self._vocabulary.end_tokens

    def _next_forced(self) -> int:
        token = self._vocabulary.first_token(self._forced)
        piece = self._vocabulary.written_piece(token)
        if not piece or not self._forced.startswith(piece):
            raise SamplingFailed(NOTHING_TO_DRAW)
        self._forced = self._forced[len(piece) :]
        return token

    def _keep(self, token: int, chain: object, candidates: Candidates, context: object, row: int) -> int:
        token = self._grammar.keep(token, chain, candidates, context, row)
        self._num_gap_tokens = _MOST_GAP_TOKENS
        if self._unused is not None and not self._ends(token):
            known = self._vocabulary
            self._taken.append(known.written_piece(token) if token in self._shown_tokens else known.piece(token))
        return token

    def _skips(self, token: int) -> bool:
        """White space right after the thinking part."""
        if not self._thinking_end or self._num_gap_tokens >= _MOST_GAP_TOKENS or token < 0:
            return False
        self._num_gap_tokens += 1
        return self._vocabulary.piece(token).isspace()

    def _watch(self, token: int) -> int:
        """Looks for the end of the thinking part. A token that would go on beyond it is cut off there; an answer that would end
        within it has yet to say what was asked for, so that the part is ended in its place."""
        if self._ends(token):
            self._forced = self._thinking_end
            token = self._next_forced()
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
        first = self._vocabulary.first_token(piece[: len(piece) - len(rest)])
        self._tail += self._vocabulary.written_piece(first)
        self._is_open = self._thinking_end not in self._tail
        return first


def _close(grammars: Sequence[Grammar]) -> None:
    for grammar in grammars:
        grammar.close()
