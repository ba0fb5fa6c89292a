"""Texts or token ids, one or many, as completions and embeddings take them."""

from typing import Any

from inference.api.option_values import check_tokens
from inference.errors import InvalidRequest

#: Of one request for completions; each is a request of its own to the scheduler.
MAX_PROMPTS = 128


def read_inputs(field: str, value: Any, most: int) -> list[str | list[int]]:
    """Each a text or token ids. Raises `InvalidRequest` naming the field, also when there is none or more than `most`."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value:
        raise InvalidRequest("invalid input" if field == "input" else f"{field} is required", field)
    if all(_is_token(item) for item in value):
        return [_tokens(field, value)]
    if len(value) > most:
        raise InvalidRequest(f"{field} has {len(value)} entries; at most {most} are possible in one request", field)
    if all(isinstance(item, str) for item in value):
        return list(value)
    if all(isinstance(item, list) and all(_is_token(token) for token in item) for item in value):
        return [_tokens(f"{field}[{index}]", item) for index, item in enumerate(value)]
    raise InvalidRequest(f"{field} must be a string, an array of strings, token ids, or an array of arrays of token ids", field)


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _tokens(field: str, tokens: list[int]) -> list[int]:
    if not tokens:
        raise InvalidRequest(f"{field} is empty", field)
    check_tokens(field, tokens)
    return tokens
