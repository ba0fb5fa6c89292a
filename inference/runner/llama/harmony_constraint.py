"""Keeps an answer in Harmony to a grammar: that of the message in which it says what was asked for."""

import weakref
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from llama_cpp import llama_cpp

from inference.grammar.harmony import MessageGrammar
from inference.harmony import ANALYSIS, CHANNEL, END, MESSAGE, START
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.grammar import Grammar
from inference.runner.llama.vocabulary import Vocabulary

if TYPE_CHECKING:
    from inference.runner.llama.sampler import SamplerChain


class Begin(Enum):
    """What of a message stands at the prompt's end."""

    #: The role, or nothing.
    HEADER = auto()
    THINKING = auto()
    #: The header, of a message for the user; the grammar is of its content alone.
    CONTENT = auto()
    #: The same, and perhaps content; the grammar is of the message after it.
    BEFORE = auto()


class HarmonyConstraint:
    """Made on the thread that prepares requests, used on the decode thread. The model may think first, in as many messages as
    it likes: their contents are free. Where it would end its answer in one of them, it has to say first what was asked for."""

    def __init__(self, grammar: MessageGrammar, vocabulary: Vocabulary, marks: Mapping[str, int], begin: Begin) -> None:
        """`marks` are the tokens of the marks, without those that end an answer. Raises `InvalidRequest`."""
        tokens = frozenset(marks.values())
        self._any, self._saying = (
            Grammar(grammar.gbnf, vocabulary, root=root, shown_tokens=tokens, last_shown=marks[MESSAGE])
            for root in (grammar.root, grammar.saying)
        )
        self.close = weakref.finalize(self, _close, [self._any, self._saying])
        #: The grammar of the message that is being written, or that comes after the thinking, and how far it has come.
        self._message = self._any.copy()
        self._vocabulary = vocabulary
        self._marks = marks
        self._mark_tokens = tokens
        self._is_thinking = begin is Begin.THINKING
        #: Of that message, what there is of its header; None within its content.
        self._header: bytes | None = b""
        #: What is to come whatever the chain draws.
        self._forced: list[int] = []
        if begin is Begin.CONTENT:
            self._message.hide_tokens()
            self._header = None
        elif begin is Begin.BEFORE:
            self._forced = self._next_message()

    def draw(self, chain: "SamplerChain", candidates: Candidates, context: object, row: int) -> int:
        """As `GrammarConstraint.draw`."""
        candidates.fill(context, row)
        candidates.apply(chain.handle)
        if self._forced:
            token = self._forced.pop(0)
        elif self._is_thinking:
            token = self._think(candidates.selected)
        else:
            token = self._message.keep(candidates.selected, chain.handle, candidates, context, row)
            self._look_for_thinking(token)
        if token >= 0:
            llama_cpp.llama_sampler_accept(chain.handle, token)
        return token

    def is_cut_short(self, cut: str, candidates: Candidates) -> bool:
        """As `GrammarConstraint.is_cut_short`, but that a message whose last signs are left out counts as cut: of one that the
        grammar takes without them, too."""
        return bool(cut.strip()) or self._is_thinking or not self._message.may_end(candidates)

    def _think(self, token: int) -> int:
        """The token itself, or the end of the message in place of anything else that would end it."""
        if token >= 0 and token not in self._vocabulary.end_tokens and token not in self._mark_tokens:
            return token
        if token not in self._mark_tokens:
            self._begin_message(self._saying)
        end, *self._forced = self._next_message()
        self._is_thinking = False
        return end

    def _next_message(self) -> list[int]:
        role = self._vocabulary.tokenize("assistant", parse_special=False)
        return [self._marks[END], self._marks[START], *role]

    def _look_for_thinking(self, token: int) -> None:
        """Whether the header is complete, and that of a message that thinks: then the grammar is for the next one."""
        if self._header is None or token < 0:
            return
        if token != self._marks[MESSAGE]:
            self._header += self._vocabulary.written_piece(token)
        elif self._header == f"{CHANNEL}{ANALYSIS}".encode():
            self._is_thinking = True
            self._begin_message(self._any)
        else:
            self._header = None

    def _begin_message(self, grammar: Grammar) -> None:
        self._message.close()
        self._message, self._header = grammar.copy(), b""


def _close(grammars: Sequence[Grammar]) -> None:
    for grammar in grammars:
        grammar.close()
