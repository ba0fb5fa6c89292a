"""Which sequences' states are kept outside the KV cache, and how one is found again. Pure: no I/O, no llama.cpp."""

from array import array
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from inference.runner.engine.slot import common_prefix
from inference.scopes import is_within, owner_of

#: A shorter sequence is computed again sooner than it is worth a file.
MIN_STORED_TOKENS = 256
#: A state is saved, or brought back, only for at least as many tokens more than there are without it.
MIN_GAIN = 64
_BLOCK = 256
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, eq=False)
class StoredState:
    """A sequence's state outside the KV cache. `name` is unique."""

    name: str
    scope: str
    tokens: list[int]
    #: Of all that is kept of it, in bytes.
    size: int


class KVStore(Protocol):
    """Every method returns at once: what takes time is done elsewhere."""

    def find(self, scope: str, tokens: Sequence[int], /) -> tuple[StoredState, int] | None:
        """The state of the owner that spares most of `tokens`, and how many it spares."""

    def load(self, request_id: str, state: StoredState, /) -> None:
        """Answered by `Loaded`, some time."""

    def wants(self, scope: str, tokens: Sequence[int], /) -> bool:
        """Whether a state of these tokens would be kept, if it is not too large."""

    def can_hold(self, scope: str, num_tokens: int, num_bytes: int, /) -> bool:
        """Whether a state of so many tokens and bytes is not too large."""

    def save(self, scope: str, tokens: Sequence[int], payload: bytearray, /) -> None: ...

    def discard(self, state: StoredState, /) -> None:
        """It is of no use."""

    def forget(self, scope: str, /) -> None:
        """Deletes what belongs to the scope or lies below it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`payload` is None when the state could not be read."""

    request_id: str
    state: StoredState
    payload: bytearray | None


class KVIndex:
    """States by the digests of their beginnings, a block of tokens at a time: a miss costs the digest of one block.

    With `whole_only`, for models whose state cannot be cut, a state is found only when all of its tokens are the beginning
    of what is asked for.
    """

    def __init__(self, *, whole_only: bool = False) -> None:
        self._whole_only = whole_only
        self._states: dict[str, StoredState] = {}
        self._blocks: dict[tuple[str, bytes], dict[str, StoredState]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, name: str) -> bool:
        return name in self._states

    def add(self, state: StoredState) -> None:
        self.remove(state.name)
        self._states[state.name] = state
        for key in _block_keys(state.scope, state.tokens):
            self._blocks.setdefault(key, {})[state.name] = state

    def remove(self, name: str) -> None:
        """A name that is not there is no error."""
        state = self._states.pop(name, None)
        if state is None:
            return
        for key in _block_keys(state.scope, state.tokens):
            bucket = self._blocks[key]
            del bucket[name]
            if not bucket:
                del self._blocks[key]

    def keep(self, names: Set[str]) -> None:
        """Removes all others."""
        for name in self._states.keys() - names:
            self.remove(name)

    def find(self, scope: str, tokens: Sequence[int]) -> tuple[StoredState, int] | None:
        """The state with most tokens in common with the beginning of `tokens` and how many those are, at least a block."""
        levels = []
        for key in _block_keys(scope, tokens):
            bucket = self._blocks.get(key)
            if bucket is None:
                break
            levels.append(bucket)
        while levels:
            start = (len(levels) - 1) * _BLOCK
            rest = tokens[start:]
            found = [(state, start + common_prefix(state.tokens[start:], rest)) for state in levels.pop().values()]
            if self._whole_only:
                found = [(state, num_common) for state, num_common in found if num_common == len(state.tokens)]
            if found:
                return max(found, key=lambda pair: pair[1])
        return None

    def covers(self, scope: str, tokens: Sequence[int]) -> bool:
        """Whether all but a few of the tokens can be brought back."""
        found = self.find(scope, tokens)
        return found is not None and len(tokens) - found[1] < MIN_GAIN

    def replaced_by(self, scope: str, tokens: Sequence[int]) -> list[StoredState]:
        """States of this very scope that a state of these tokens makes superfluous."""
        candidates = [state for state in self._states.values() if state.scope == scope]
        if self._whole_only:
            return [state for state in candidates if common_prefix(state.tokens, tokens) == len(state.tokens)]
        return [state for state in candidates if len(state.tokens) - common_prefix(state.tokens, tokens) < MIN_GAIN]

    def within(self, scope: str) -> list[StoredState]:
        return [state for state in self._states.values() if is_within(state.scope, scope)]


def is_worth_storing(tokens: Sequence[int]) -> bool:
    # Negative ones stand for something that is no token, such as what a context shift left.
    return len(tokens) >= MIN_STORED_TOKENS and min(tokens) >= 0


def _block_keys(scope: str, tokens: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """A digest of each beginning that ends with a whole block, the shortest first."""
    owner, digest = owner_of(scope), blake2b(digest_size=_DIGEST_BYTES)
    for start in range(0, len(tokens) - _BLOCK + 1, _BLOCK):
        digest.update(array("i", tokens[start : start + _BLOCK]).tobytes())
        yield owner, digest.copy().digest()
