"""Texts that a grammar allows, put together by chance from tokens of the real vocabulary, through the sampler that a runner uses.
No model is asked, so that hundreds take seconds."""

import ctypes
import random
from dataclasses import dataclass

import numpy as np
from llama_cpp import llama_cpp

from inference.runner.llama.candidates import _CANDIDATE, Candidates
from inference.runner.llama.grammar import Grammar
from inference.runner.llama.vocabulary import Vocabulary

_NUM_STRANGE = 160
_CLOSING = b'"}],]'


@dataclass(frozen=True)
class Walk:
    text: str
    is_complete: bool


class Walker:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._candidates = Candidates(vocabulary.num_tokens)
        pieces = {token: vocabulary.piece(token) for token in range(vocabulary.num_tokens)}
        self._plain = [token for token, piece in pieces.items() if len(piece) == 1]
        self._longer = [token for token, piece in pieces.items() if len(piece) > 1]

    def walk(self, gbnf: str, seed: int, *, max_tokens: int = 400) -> Walk:
        """Goes to an end where there is one, the rather the longer it takes."""
        grammar = Grammar(gbnf, self._vocabulary)
        chance, content = random.Random(seed), bytearray()
        for step in range(max_tokens):
            allowed = self._allowed(grammar, chance)
            may_end = self._vocabulary.eos_token in allowed
            others = [token for token in allowed if token != self._vocabulary.eos_token]
            if may_end and (not others or chance.random() < 0.5):
                return Walk(content.decode(), True)
            token = self._choose(others, step, chance)
            # As in a runner, which draws from all of them: what the sampler lets through is not all that counts.
            while others and not grammar.allows(token, self._candidates):
                others.remove(token)
                token = self._choose(others, step, chance)
            if not others:
                break
            content += self._vocabulary.piece(token)
            grammar.accept(token)
        return Walk(content.decode("utf-8", "ignore"), False)

    def _allowed(self, grammar: Grammar, chance: random.Random) -> list[int]:
        tokens = [*self._plain, *chance.sample(self._longer, _NUM_STRANGE), self._vocabulary.eos_token]
        rows = np.zeros(len(tokens), dtype=_CANDIDATE)
        rows["id"] = tokens
        array = llama_cpp.llama_token_data_array(
            data=rows.ctypes.data_as(llama_cpp.llama_token_data_p), size=len(rows), selected=-1, sorted=False
        )
        llama_cpp.llama_sampler_apply(grammar._handle, ctypes.byref(array))
        return [int(row["id"]) for row in rows[: array.size] if row["logit"] == 0.0]

    def _choose(self, tokens: list[int], step: int, chance: random.Random) -> int:
        if not tokens:
            return -1
        closing = [token for token in tokens if self._vocabulary.piece(token)[0] in _CLOSING]
        return chance.choice(closing if closing and chance.random() < 0.1 + step / 60 else tokens)
