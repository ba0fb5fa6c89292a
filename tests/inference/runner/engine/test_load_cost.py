"""States that would be here later than they could be computed are computed."""

import pytest

from inference.runner.engine.load_cost import LoadCost
from tests.inference.runner.engine.test_prefix_cache import Store, check, make_engine, make_request, run

MB = 1_000_000


def test_everything_is_brought_back_while_nothing_is_known() -> None:
    cost = LoadCost()
    assert cost.decide(MB, 0) and cost.decide(MB, 1)
    cost.observe(MB, 10 * MB)
    assert cost.decide(100 * MB, 0)


def test_state_is_brought_back_where_that_takes_less_time() -> None:
    cost = LoadCost()
    cost.observe(MB, 10 * MB)
    assert cost.decide(2 * MB, 20 * MB)
    assert not cost.decide(2 * MB, 19 * MB)


def test_it_is_tried_again_some_day_and_newer_times_count_more() -> None:
    cost = LoadCost()
    cost.observe(MB, 10 * MB)
    tries = next(number for number in range(100) if cost.decide(MB, 5 * MB))
    assert 5 < tries < 30
    for _ in range(10):
        cost.observe(MB, 2 * MB)
    assert cost.decide(MB, 2.1 * MB) and not cost.decide(MB, 1.9 * MB)


@pytest.mark.parametrize(("token_us", "num_loads"), [(1, 1), (10_000, 4)], ids=["quick to compute", "slow to compute"])
def test_conversations_come_back_the_quicker_way(token_us: int, num_loads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, model, clock = make_engine(store := Store())
    decode, answer = model.decode, store.answer
    loaded: list[str] = []

    def decode_slowly(chunks: list) -> None:
        clock.ns += token_us * 1000 * sum(len(chunk.tokens) for chunk in chunks)
        decode(chunks)

    def read_slowly(*arguments: object, **options: bool) -> None:
        loaded.append(store.asked[0][0])
        clock.ns += 1_000_000_000
        answer(*arguments, **options)

    monkeypatch.setattr(model, "decode", decode_slowly)
    monkeypatch.setattr(store, "answer", read_slowly)
    for turn in range(3):
        for name, token in (("a", 1), ("b", 2)):
            tokens = [token] * 500 + [3] * turn
            engine.add(make_request(name, tokens, f"user:{name}"))
            num_cached = 500 if turn and (num_loads > 1 or (name == "a" and turn == 1)) else 0
            check(run(engine, store)[name], tokens, num_cached=num_cached)

    assert len(loaded) == num_loads
