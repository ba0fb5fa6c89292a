import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.grammar.numbers import INTEGER, NUMBER, integer_between, number_between

small = st.integers(-2000, 2000)


def as_regex(gbnf: str) -> re.Pattern[str]:
    """These rules use quoted literals, classes, groups and repetitions only, which regular expressions have too."""
    return re.compile(gbnf.replace('"."', r"\.").replace('"', "").replace(" ", ""))


@settings(max_examples=300, deadline=None)
@given(low=st.none() | small, high=st.none() | small, value=small)
def test_integer_between_takes_what_lies_between(low: int | None, high: int | None, value: int) -> None:
    rule = integer_between(low, high)
    is_inside = (low is None or value >= low) and (high is None or value <= high)

    assert bool(rule and as_regex(rule).fullmatch(str(value))) == is_inside


@pytest.mark.parametrize(("low", "high"), [(0, 0), (7, 7), (1, 120), (99, 1001), (-5, 5), (-20, -3), (0, 10**9)])
def test_integer_between_has_the_bounds_and_not_their_neighbours(low: int, high: int) -> None:
    rule = as_regex(integer_between(low, high))

    assert [bool(rule.fullmatch(str(n))) for n in (low - 1, low, high, high + 1)] == [False, True, True, False]


def test_integer_between_swapped_bounds_is_nothing() -> None:
    assert integer_between(3, 2) == ""


@settings(max_examples=400, deadline=None)
@given(
    low=st.none() | st.integers(-30, 30),
    high=st.none() | st.integers(-30, 30),
    opens=st.tuples(st.booleans(), st.booleans()),
    value=st.decimals(-40, 40, places=2).map(lambda d: f"{d:f}"),
)
def test_number_between_takes_what_lies_between(low: int | None, high: int | None, opens: tuple[bool, bool], value: str) -> None:
    rule = number_between(low, high, is_low_open=opens[0] and low is not None, is_high_open=opens[1] and high is not None)
    number = Fraction(value)
    above = low is None or (number > low if opens[0] else number >= low)
    below = high is None or (number < high if opens[1] else number <= high)

    matches = bool(rule and as_regex(rule).fullmatch(value))
    # A bound of the other sign may be written with or without its sign.
    assert matches == (above and below) or (number == 0 and above and below)


@pytest.mark.parametrize("text", ["01", "-", "", "1.", ".5", "1e", "+1", "1234567890123456"])
def test_number_that_is_no_json_is_refused(text: str) -> None:
    assert not as_regex(NUMBER).fullmatch(text)
    assert not as_regex(INTEGER).fullmatch(text)
