from typing import Any

import pytest

from inference.api.openai.inputs import read_inputs
from inference.errors import InvalidRequest


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", ["a"]),
        ("", [""]),
        (["a", "", "b"], ["a", "", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
    ],
)
def test_inputs_are_texts_or_tokens(value: Any, expected: Any) -> None:
    assert read_inputs("input", value, 4) == expected


@pytest.mark.parametrize(
    ("value", "message", "param"),
    [
        (None, "invalid input", "input"),
        ([], "invalid input", "input"),
        (7, "invalid input", "input"),
        ({"a": 1}, "invalid input", "input"),
        (["a"] * 5, "input has 5 entries; at most 4 are possible in one request", "input"),
        ([[1]] * 5, "input has 5 entries; at most 4 are possible in one request", "input"),
        (["a", 1], "input must be a string, an array of strings, token ids, or an array of arrays of token ids", "input"),
        ([True], "input must be a string, an array of strings, token ids, or an array of arrays of token ids", "input"),
        ([[1], []], "input[1] is empty", "input[1]"),
        ([[1, -1]], "input[0] must hold numbers of tokens: from 0 to 2147483647", "input[0]"),
    ],
)
def test_other_inputs_are_refused(value: Any, message: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_inputs("input", value, 4)

    assert (str(refused.value), refused.value.param) == (message, param)


def test_missing_prompt_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"^prompt is required$"):
        read_inputs("prompt", [], 4)
