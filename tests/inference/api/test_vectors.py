import pytest

from inference.api.vectors import MAX_TEXTS, check_count, split
from inference.errors import InvalidRequest


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        ([], []),
        (["a"], [1]),
        (["a"] * 64, [64]),
        (["a"] * 130, [64, 64, 2]),
        (["a" * 200_000, "b" * 100_000, "c"], [1, 2]),
        (["a", "b" * 10**6, "c"], [1, 1, 1]),
        ([""] * 3, [3]),
    ],
)
def test_split_bounds_parts_and_keeps_the_order(texts: list[str], sizes: list[int]) -> None:
    parts = list(split(texts))

    assert [len(part) for part in parts] == sizes
    assert [text for part in parts for text in part] == texts


def test_check_count_names_the_field_and_both_numbers() -> None:
    check_count("input", ["a"] * MAX_TEXTS)
    with pytest.raises(InvalidRequest, match=r"documents has 8193 texts; at most 8192"):
        check_count("documents", ["a"] * (MAX_TEXTS + 1))
