import random
import timeit

import pytest

from inference.runner.engine.loop_guard import is_looping


def first_notice(tokens: list[int]) -> int | None:
    return next((size for size in range(1, len(tokens) + 1) if is_looping(tokens[:size])), None)


@pytest.mark.parametrize(("unit", "needed"), [(1, 400), (2, 400), (7, 400), (25, 400), (26, 416), (64, 1024)])
def test_repetition_is_noticed_within_sixteen_tokens(unit: int, needed: int) -> None:
    beginning = [random.Random(unit).randrange(1000, 50_000) for _ in range(37)]

    noticed = first_notice(beginning + list(range(unit)) * (needed // unit + 30))

    assert noticed is not None
    assert needed + len(beginning) - unit <= noticed < needed + len(beginning) + 16


def test_longer_units_and_fewer_repetitions_are_left_alone() -> None:
    assert first_notice(list(range(65)) * 40) is None
    assert first_notice(list(range(50)) * 15 + [999] * 10) is None
    assert first_notice([5] * 390) is None


def test_repetition_with_a_change_in_it_is_left_alone() -> None:
    assert first_notice(([1, 2, 3] * 50 + [4]) * 10) is None


def test_cost_for_each_token_is_small() -> None:
    tokens = [random.Random(1).randrange(50_000) for _ in range(4096)]
    answers = [tokens[: 2000 + extra] for extra in range(160)]

    seconds = min(timeit.repeat(lambda: [is_looping(answer) for answer in answers], number=1, repeat=5)) / len(answers)

    # A step of a small model takes 10,000 µs and more; measured: 0.5 µs.
    assert seconds < 20e-6
