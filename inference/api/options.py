"""Ollama's `options`, `keep_alive` and `think`: what each value means, and which are refused."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from inference.api.option_values import (
    read_automatic,
    read_biases,
    read_boolean,
    read_integer,
    read_number,
    read_seed,
    read_text,
    read_texts,
)
from inference.durations import keep_alive_seconds, parse_duration
from inference.errors import InvalidRequest
from inference.runner.messages import SamplingParams
from inference.runner.sampling_bounds import check_sampling
from inference.scheduler.load_options import AUTOMATIC, LoadOptions

_MIN_NUM_CTX = 4
_NUM_CORES = os.cpu_count() or 1
_LARGEST_BATCH = 8192
_LAST_GPU = 15
_KINDS: dict[Any, Callable[[str, Any], Any]] = {int: read_integer, float: read_number, bool: read_boolean}
#: Those that are passed on as they are, by the kind of their field.
_SAMPLING: dict[str, Callable[[str, Any], Any]] = {
    **{field.name: _KINDS[field.type] for field in msgspec.structs.fields(SamplingParams) if field.type in _KINDS},
    "dry_sequence_breakers": read_texts,
    "logit_bias": read_biases,
}
_READERS = _SAMPLING | {
    **dict.fromkeys(("num_ctx", "num_predict", "num_keep"), read_integer),
    "seed": read_seed,
    "stop": read_texts,
    "grammar": read_text,
    "loop_guard": read_boolean,
}
#: Of how the model is loaded, by Ollama's names and two of llama.cpp's.
_LOADING: dict[str, Callable[[str, Any], Any]] = {
    "num_thread": read_automatic,
    "num_batch": read_automatic,
    "num_gpu": read_integer,
    "main_gpu": read_integer,
    "use_mmap": read_boolean,
    "use_mlock": read_boolean,
    "rope_frequency_base": read_number,
    "rope_frequency_scale": read_number,
}
_READERS |= _LOADING
_THINK_LEVELS = ("high", "medium", "low", "max")


@dataclass(frozen=True)
class Options:
    num_ctx: int
    #: None goes on to the end of the context.
    max_tokens: int | None
    stop: list[str]
    sampling: SamplingParams
    #: GBNF; empty: none.
    grammar: str = ""
    loop_guard: bool = True
    #: Of the context's first tokens, those that stay when it is shifted; -1: the whole prompt.
    num_keep: int = 4
    load: LoadOptions = AUTOMATIC
    #: As the request or the Modelfile has it; 0 where neither says anything.
    num_ctx_asked: int = 0


def read_options(modelfile: Mapping[str, Any], asked: Mapping[str, Any], *, num_ctx: int, num_ctx_train: int | None) -> Options:
    """A request's options over the Modelfile's over the defaults. Unknown ones are passed over, as Ollama does.

    `num_ctx` is the default; the result is never more than the model was trained for. Raises `InvalidRequest`.
    """
    values: dict[str, Any] = {}
    for source in (modelfile, asked):
        values |= {key: _READERS[key](key, value) for key, value in source.items() if value is not None and key in _READERS}
    wanted_ctx = max(_MIN_NUM_CTX, values.get("num_ctx", num_ctx))
    max_tokens = values.get("num_predict", -1)
    chosen = {key: values[key] for key in _SAMPLING if key in values}
    sampling = msgspec.convert(chosen, SamplingParams)
    check_sampling(sampling)
    return Options(
        num_ctx=min(wanted_ctx, num_ctx_train or wanted_ctx),
        num_ctx_asked=wanted_ctx if "num_ctx" in values else 0,
        max_tokens=max_tokens if max_tokens >= 0 else None,
        stop=values.get("stop", []),
        sampling=sampling,
        grammar=values.get("grammar", ""),
        loop_guard=values.get("loop_guard", True),
        num_keep=values.get("num_keep", 4),
        load=_load_options({key: values[key] for key in _LOADING if key in values}),
    )


def _load_options(values: dict[str, Any]) -> LoadOptions:
    """Within what a machine can be asked for: these options come from strangers, too. What would be done anyway is not asked."""
    num_gpu, main_gpu = values.get("num_gpu", -1), values.get("main_gpu", -1)
    bounded: dict[str, Any] = {
        "num_thread": min(values.get("num_thread") or 0, _NUM_CORES) or None,
        "num_batch": min(values.get("num_batch") or 0, _LARGEST_BATCH) or None,
        "num_gpu": num_gpu if num_gpu >= 0 else None,
        "main_gpu": min(main_gpu, _LAST_GPU) if main_gpu >= 0 else None,
        "use_mmap": False if values.get("use_mmap") is False else None,
        "use_mlock": values.get("use_mlock") or None,
        **{key: max(0.0, values[key]) or None for key in ("rope_frequency_base", "rope_frequency_scale") if key in values},
    }
    return LoadOptions(**{**values, **bounded})


def read_keep_alive(value: Any) -> float | None:
    """Seconds; `math.inf` for ever; None when nothing was asked. Raises `InvalidRequest`."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        kind = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}.get(type(value), type(value).__name__)
        raise InvalidRequest(f"keep_alive: Unsupported type: '{kind}'", "keep_alive")
    if isinstance(value, str):
        try:
            return keep_alive_seconds(parse_duration(value))
        except ValueError as error:
            raise InvalidRequest(f"keep_alive: {error}", "keep_alive") from None
    # An int can be too large for a float.
    return keep_alive_seconds(float(max(-1, min(value, 2**62))))


def read_think(value: Any) -> bool | str | None:
    """True, False, a level, or None when nothing was asked. Raises `InvalidRequest`."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise InvalidRequest('think must be a boolean or string ("high", "medium", "low", "max", true, or false)', "think")
    if value in ("", "false"):
        return None if not value else False
    if value == "true" or value in _THINK_LEVELS:
        return True if value == "true" else value
    raise InvalidRequest(f'invalid think value: "{value}" (must be "high", "medium", "low", "max", true, or false)', "think")
