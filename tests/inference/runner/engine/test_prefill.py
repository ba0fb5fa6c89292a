import pytest

from inference.runner.engine.prefill import PrefillBudget

MS = 1_000_000


def simulate(budget: PrefillBudget, *, token_ms: float, step_ms: float, steps: int) -> list[float]:
    """Durations in milliseconds of steps in which one stream runs while a long prompt is computed."""
    durations = []
    for _ in range(steps):
        chunk = budget.tokens(1)
        duration = step_ms + token_ms * chunk
        budget.observe(num_generating=1, num_prefill=chunk, duration_ns=int(duration * MS))
        durations.append(duration)
    return durations


@pytest.mark.parametrize("token_ms", [0.02, 0.5, 5.0, 40.0])
def test_prefill_gap_settles_below_the_bound_and_uses_it(token_ms: float) -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)

    durations = simulate(budget, token_ms=token_ms, step_ms=10, steps=40)

    # One token more would be too much, or the batch is full.
    assert max(durations[10:]) <= 150
    assert durations[-1] + 2 * token_ms > 0.75 * 150 or budget.tokens(1) == 512


def test_prefill_first_chunk_follows_from_what_a_prompt_alone_took() -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)
    budget.observe(num_generating=0, num_prefill=512, duration_ns=int(512 * 50 * MS))

    assert budget.tokens(1) == 1


def test_prefill_alone_uses_the_whole_batch() -> None:
    assert PrefillBudget(max_gap_ms=150, num_batch=512).tokens(0) == 512


def test_prefill_slow_model_may_take_twice_its_usual_step() -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)
    for _ in range(20):
        budget.observe(num_generating=1, num_prefill=0, duration_ns=1000 * MS)

    durations = simulate(budget, token_ms=100, step_ms=1000, steps=30)

    assert 1500 < durations[-1] <= 2000


def test_prefill_short_rest_of_a_prompt_does_not_raise_the_chunk() -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)
    simulate(budget, token_ms=5, step_ms=10, steps=20)
    before = budget.tokens(1)

    budget.observe(num_generating=1, num_prefill=1, duration_ns=12 * MS)

    assert budget.tokens(1) == before


def test_prefill_recovers_from_one_very_slow_step() -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)
    simulate(budget, token_ms=5, step_ms=10, steps=20)
    settled = budget.tokens(1)
    for _ in range(5):
        budget.observe(num_generating=1, num_prefill=budget.tokens(1), duration_ns=5000 * MS)
    fallen = budget.tokens(1)

    simulate(budget, token_ms=5, step_ms=10, steps=20)

    assert fallen == 1
    assert budget.tokens(1) >= settled - 1


def test_prefill_tiny_prompt_alone_teaches_nothing() -> None:
    budget = PrefillBudget(max_gap_ms=150, num_batch=512)
    budget.observe(num_generating=0, num_prefill=1, duration_ns=50 * MS)

    assert budget.tokens(1) == 16
