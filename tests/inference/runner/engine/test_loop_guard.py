import random
import timeit

import pytest

from inference.runner.engine.loop_guard import is_looping


def first_notice(tokens: list[int]) -> int | None:
    return next((size for size in range(1, len(tokens) + 1) if is_looping(tokens[:size])), None)


@pytest.mark.parametrize(("unit", "needed"), [(1, 1024), (2, 1024), (7, 1024), (64, 1024), (65, 1040), (150, 2400), (256, 4096)])
def test_repetition_is_noticed_within_sixteen_tokens(unit: int, needed: int) -> None:
    beginning = [random.Random(unit).randrange(1000, 50_000) for _ in range(37)]

    noticed = first_notice(beginning + list(range(unit)) * (needed // unit + 30))

    assert noticed is not None
    assert needed + len(beginning) - unit <= noticed < needed + len(beginning) + 16


@pytest.mark.parametrize(
    "tokens",
    [[5] * 1000, [5, 6] * 200, [5, 6] * 500, [5, 6, 7, 8, 9, 10, 11] * 100, list(range(257)) * 17, [*range(200)] * 15],
    ids=["1000 times", "200 times two", "500 times two", "100 lines", "longer than a paragraph", "15 paragraphs"],
)
def test_repetition_that_may_be_asked_for_is_left_alone(tokens: list[int]) -> None:
    assert first_notice([1, 2, 3, *tokens, 4]) is None


def test_table_of_zeros_is_left_alone() -> None:
    rows = [[5, 6] * 20 + [7]] * 24

    assert first_notice([token for row in rows for token in row]) is None


def test_repetition_with_a_change_in_it_is_left_alone() -> None:
    assert first_notice(([1, 2, 3] * 300 + [4]) * 4) is None


def test_cost_for_each_token_is_small() -> None:
    tokens = [random.Random(1).randrange(50_000) for _ in range(4096)]
    answers = [tokens[: 2000 + extra] for extra in range(160)]

    seconds = min(timeit.repeat(lambda: [is_looping(answer) for answer in answers], number=1, repeat=5)) / len(answers)

    # A step of a small model takes 10,000 µs and more; measured: 0.5 µs.
    assert seconds < 20e-6
