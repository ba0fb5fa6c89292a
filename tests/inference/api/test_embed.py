import math
import struct

import pytest

from inference.api.embed import _normalised, _texts
from inference.errors import InvalidRequest


def vector(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def test_normalised_vectors_have_length_1_and_keep_their_direction() -> None:
    rows = _normalised([vector(3, 4, 0), vector(0, 0, -1e-20), vector(1e30, 1e30, 0)], 0)

    assert rows == [[0.6, 0.8, 0.0], [0.0, 0.0, -1.0], [pytest.approx(math.sqrt(0.5)), pytest.approx(math.sqrt(0.5)), 0.0]]


def test_normalised_cuts_first() -> None:
    assert _normalised([vector(3, 4, 100)], 2) == [[0.6, 0.8]]
    assert len(_normalised([vector(3, 4, 100)], 4)[0]) == 3


def test_normalised_zero_vector_stays_zero() -> None:
    assert _normalised([vector(0, 0)], 0) == [[0.0, 0.0]]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_normalised_refuses_what_json_cannot_say(value: float) -> None:
    with pytest.raises(InvalidRequest, match="embedding contains NaN or Inf values"):
        _normalised([vector(1, 2), vector(1, value)], 0)


@pytest.mark.parametrize("value", [7, 1.5, True, {"a": 1}, ["a", None], [["a"]]])
def test_texts_of_another_type_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^invalid input type$"):
        _texts(value)


@pytest.mark.parametrize(("value", "texts"), [(None, []), ("", []), ([], []), ("a", ["a"]), (["a", ""], ["a", ""])])
def test_texts_one_or_many(value: object, texts: list[str]) -> None:
    assert _texts(value) == texts
