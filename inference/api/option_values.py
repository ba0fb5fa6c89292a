"""How the value of each of Ollama's `options` is read, by its kind."""

import math
from typing import Any

from inference.errors import InvalidRequest

#: Matching stop strings is work for every token of everybody.
MAX_STOPS = 64
MAX_GRAMMAR_CHARACTERS = 65536
_MAX_BIASES = 1024
MAX_TOKENS = 1024 * 1024
_INT32_MAX = 2**31 - 1
_FLOAT32_MAX = 3.4e38


def read_integer(key: str, value: Any) -> int:
    """A fraction is cut off, as Ollama does."""
    if not _is_number(value):
        raise InvalidRequest(f'option "{key}" must be of type integer', key)
    return max(-_INT32_MAX, min(_INT32_MAX, int(value)))


def read_automatic(key: str, value: Any) -> int | None:
    """A number above 0; what is not leaves it to us."""
    number = read_integer(key, value)
    return number if number > 0 else None


def read_seed(key: str, value: Any) -> int:
    """Any seed below 0 draws one."""
    if not _is_number(value):
        raise InvalidRequest(f'option "{key}" must be of type integer', key)
    return int(value) % 2**32 if value >= 0 else -1


def read_number(key: str, value: Any) -> float:
    if not _is_number(value):
        raise InvalidRequest(f'option "{key}" must be of type float32', key)
    return max(-_FLOAT32_MAX, min(_FLOAT32_MAX, float(value)))


def read_boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f'option "{key}" must be of type boolean', key)
    return value


def read_text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f'option "{key}" must be of type string', key)
    if len(value) > MAX_GRAMMAR_CHARACTERS:
        raise InvalidRequest(f'option "{key}" must have at most {MAX_GRAMMAR_CHARACTERS} characters', key)
    return value


def read_texts(key: str, value: Any) -> list[str]:
    """Empty ones are left out: everything would end before it began."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        raise InvalidRequest(f'option "{key}" must be of type array', key)
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRequest(f'option "{key}" must be of an array of strings', key)
    if len(texts) > MAX_STOPS:
        raise InvalidRequest(f'option "{key}" must hold at most {MAX_STOPS} strings', key)
    return [text for text in texts if text]


def read_biases(key: str, value: Any) -> dict[int | str, float]:
    """An object from token to bias, or an array of such pairs (llama-server's way). A token is an id, which may be written
    as text since JSON's keys are text, or a text whose every token gets the bias. `false` forbids."""
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise InvalidRequest(f'option "{key}" must be of type object', key)
    if len(pairs) > _MAX_BIASES:
        raise InvalidRequest(f'option "{key}" must name at most {_MAX_BIASES} tokens', key)
    return {_token(key, token): _bias(key, bias) for token, bias in pairs}


def check_tokens(field: str, tokens: list[int]) -> None:
    """Which of them the model knows is for the runner to say: here they have to be such that it can be asked. Raises
    `InvalidRequest`."""
    if len(tokens) > MAX_TOKENS:
        raise InvalidRequest(f"{field} has {len(tokens)} tokens; at most {MAX_TOKENS} are possible", field)
    if not all(0 <= token <= _INT32_MAX for token in tokens):
        raise InvalidRequest(f"{field} must hold numbers of tokens: from 0 to {_INT32_MAX}", field)


def _token(key: str, token: Any) -> int | str:
    if isinstance(token, str) and token:
        return int(token) if token.isdecimal() and token.isascii() and len(token) < 10 else token
    if isinstance(token, int) and not isinstance(token, bool) and 0 <= token <= _INT32_MAX:
        return token
    raise InvalidRequest(f'option "{key}" must name each token by its number or its text', key)


def _bias(key: str, bias: Any) -> float:
    if bias is False:
        return -math.inf
    if not _is_number(bias):
        raise InvalidRequest(f'option "{key}" must give each token a number, or false to forbid it', key)
    return max(-_FLOAT32_MAX, min(_FLOAT32_MAX, float(bias)))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
