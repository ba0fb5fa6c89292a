"""Ollama's `options`, `keep_alive` and `think`: what each value means, and which are refused."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.durations import keep_alive_seconds, parse_duration
from inference.errors import InvalidRequest
from inference.runner.messages import SamplingParams

#: Matching stop strings is work for every token of everybody.
MAX_STOPS = 64
_MIN_NUM_CTX = 4
_INTEGERS = ("num_ctx", "num_predict", "top_k", "seed", "repeat_last_n")
_NUMBERS = ("temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty")
_SAMPLING = (*_NUMBERS, "top_k", "repeat_last_n")
_INT32_MAX = 2**31 - 1
_THINK_LEVELS = ("high", "medium", "low", "max")


@dataclass(frozen=True)
class Options:
    num_ctx: int
    #: None goes on to the end of the context.
    max_tokens: int | None
    stop: list[str]
    sampling: SamplingParams


def read_options(modelfile: Mapping[str, Any], asked: Mapping[str, Any], *, num_ctx: int, num_ctx_train: int | None) -> Options:
    """A request's options over the Modelfile's over the defaults. Unknown ones are passed over, as Ollama does.

    `num_ctx` is the default; the result is never more than the model was trained for. Raises `InvalidRequest`.
    """
    values: dict[str, Any] = {}
    for source in (modelfile, asked):
        values |= {key: _convert(key, value) for key, value in source.items() if value is not None and _is_known(key)}
    wanted_ctx = max(_MIN_NUM_CTX, values.get("num_ctx", num_ctx))
    max_tokens = values.get("num_predict", -1)
    sampling = {key: values[key] for key in _SAMPLING if key in values}
    seed = values.get("seed", -1)
    return Options(
        num_ctx=min(wanted_ctx, num_ctx_train or wanted_ctx),
        max_tokens=max_tokens if max_tokens >= 0 else None,
        stop=values.get("stop", []),
        sampling=SamplingParams(seed=-1 if seed < 0 else seed, **sampling),
    )


def read_keep_alive(value: Any) -> float | None:
    """Seconds; `math.inf` for ever; None when nothing was asked. Raises `InvalidRequest`."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        kind = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}.get(type(value), type(value).__name__)
        raise InvalidRequest(f"keep_alive: Unsupported type: '{kind}'")
    if isinstance(value, str):
        try:
            return keep_alive_seconds(parse_duration(value))
        except ValueError as error:
            raise InvalidRequest(f"keep_alive: {error}") from None
    # An int can be too large for a float.
    return keep_alive_seconds(float(max(-1, min(value, 2**62))))


def read_think(value: Any) -> bool | str | None:
    """True, False, a level, or None when nothing was asked. Raises `InvalidRequest`."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise InvalidRequest('think must be a boolean or string ("high", "medium", "low", "max", true, or false)')
    if value in ("", "false"):
        return None if not value else False
    if value == "true" or value in _THINK_LEVELS:
        return True if value == "true" else value
    raise InvalidRequest(f'invalid think value: "{value}" (must be "high", "medium", "low", "max", true, or false)')


def _is_known(key: str) -> bool:
    return key in _INTEGERS or key in _NUMBERS or key == "stop"


def _convert(key: str, value: Any) -> Any:
    if key == "stop":
        return _stops(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise InvalidRequest(f'option "{key}" must be of type {"integer" if key in _INTEGERS else "float32"}')
    if key in _NUMBERS:
        return max(-3.4e38, min(3.4e38, float(value)))
    number = max(-_INT32_MAX, min(_INT32_MAX, int(value)))
    return number if key != "seed" else max(-1, int(value)) % 2**32 if value >= 0 else -1


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _stops(value: Any) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list):
        raise InvalidRequest('option "stop" must be of type array')
    if not all(isinstance(stop, str) for stop in stops):
        raise InvalidRequest('option "stop" must be of an array of strings')
    if len(stops) > MAX_STOPS:
        raise InvalidRequest(f'option "stop" must hold at most {MAX_STOPS} strings')
    return [stop for stop in stops if stop]
