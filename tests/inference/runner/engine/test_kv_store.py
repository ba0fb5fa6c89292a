"""The index against a model of it that compares everything with everything."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.kv_store import MIN_GAIN, KVIndex, StoredState, is_worth_storing
from inference.runner.engine.slot import common_prefix

BLOCK = 256
#: Sequences out of few pieces of awkward lengths, so that many begin alike and differ at, before and after block borders.
pieces = st.sampled_from([(1, 100), (2, 156), (3, 256), (1, 255), (2, 257), (3, 1)])
sequences = st.lists(pieces, max_size=6).map(lambda parts: [token for token, count in parts for _ in range(count)])
scopes = st.sampled_from(["", "user:1", "user:1/conversation:1", "user:1/conversation:2", "user:2/conversation:1"])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), scopes, sequences),
        st.tuples(st.just("remove"), st.integers(0, 9)),
        st.tuples(st.just("find"), scopes, sequences),
    ),
    max_size=25,
)


def owner(scope: str) -> str:
    return scope.split("/")[0]


@settings(max_examples=200, deadline=None)
@given(actions=actions, whole_only=st.booleans())
def test_index_finds_what_comparing_everything_finds(actions: list[tuple], whole_only: bool) -> None:
    index, states = KVIndex(whole_only=whole_only), dict[str, StoredState]()
    for number, action in enumerate(actions):
        if action[0] == "add":
            state = StoredState(str(number % 10), action[1], action[2], 1)
            index.add(state)
            states[state.name] = state
        elif action[0] == "remove":
            index.remove(str(action[1]))
            states.pop(str(action[1]), None)
        else:
            _name, scope, tokens = action
            common = [common_prefix(s.tokens, tokens) for s in states.values() if owner(s.scope) == owner(scope)]
            whole = [
                len(s.tokens)
                for s in states.values()
                if owner(s.scope) == owner(scope) and common_prefix(s.tokens, tokens) == len(s.tokens)
            ]
            best = max([size for size in (whole if whole_only else common) if size >= BLOCK], default=None)
            found = index.find(scope, tokens)
            assert (found[1] if found else None) == best
            if found:
                assert common_prefix(found[0].tokens, tokens) == best and owner(found[0].scope) == owner(scope)
        assert len(index) == len(states)


def test_index_of_another_owner_is_not_looked_at() -> None:
    index = KVIndex()
    index.add(StoredState("a", "user:1/conversation:1", [1] * 600, 1))

    assert index.find("user:2/conversation:1", [1] * 600) is None
    assert index.find("user:1/conversation:9", [1] * 600) is not None
    assert index.find("", [1] * 600) is None


@pytest.mark.parametrize(("num_new", "covers"), [(0, True), (MIN_GAIN - 1, True), (MIN_GAIN, False)])
def test_index_covers_all_but_a_few_tokens(num_new: int, covers: bool) -> None:
    index = KVIndex()
    index.add(StoredState("a", "u", [1] * 600, 1))

    assert index.covers("u", [1] * 600 + [2] * num_new) is covers


def test_longer_state_of_a_conversation_replaces_the_shorter() -> None:
    index = KVIndex()
    shorter = StoredState("a", "u/c:1", [1] * 600 + [2] * 30, 1)
    for state in (shorter, StoredState("b", "u/c:2", [1] * 600, 1), StoredState("c", "u/c:1", [3] * 600, 1)):
        index.add(state)

    assert index.replaced_by("u/c:1", [1] * 900) == [shorter]


@pytest.mark.parametrize(("tokens", "is_worth"), [([1] * 255, False), ([1] * 256, True), ([1] * 300 + [-1], False), ([], False)])
def test_short_and_shifted_sequences_are_not_stored(tokens: list[int], is_worth: bool) -> None:
    assert is_worth_storing(tokens) is is_worth


def test_miss_among_many_long_states_takes_microseconds() -> None:
    index = KVIndex()
    for number in range(200):
        index.add(StoredState(str(number), "u", [number, *range(4000)], 1))
    tokens = [999, *range(8000)]

    started = time.process_time()
    for _ in range(100):
        assert index.find("u", tokens) is None
    assert (time.process_time() - started) / 100 < 0.001
