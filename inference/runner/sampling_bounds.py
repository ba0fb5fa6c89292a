"""Bounds of the sampling parameters: what llama.cpp answers with an abort of the process or with nonsense is refused."""

import msgspec

from inference.errors import InvalidRequest
from inference.runner.messages import SamplingParams

#: llama.cpp looks for each in the whole vocabulary, on the thread that decodes.
_MAX_BREAKERS = 8
_MAX_BREAKER_BYTES = 40
_MAX_INT32 = 2**31 - 1
MAX_FLOAT32 = 3.4028234e38
_INTEGERS = ("top_k", "repeat_last_n", "dry_allowed_length", "dry_penalty_last_n")
_NUMBERS = tuple(field.name for field in msgspec.structs.fields(SamplingParams) if field.type is float)
#: Lowest and highest value; None is no bound.
_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "mirostat": (0, 2),
    "mirostat_tau": (0, None),
    "mirostat_eta": (0, None),
    "dynatemp_range": (0, None),
    "dynatemp_exponent": (0, None),
    "dry_multiplier": (0, None),
    "dry_base": (1, None),
    "dry_allowed_length": (0, None),
    "dry_penalty_last_n": (-1, None),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 1),
}


def check_sampling(sampling: SamplingParams) -> None:
    """Raises `InvalidRequest` naming the first parameter that is out of its bounds."""
    for name in _NUMBERS:
        if not -MAX_FLOAT32 <= getattr(sampling, name) <= MAX_FLOAT32:
            raise InvalidRequest(f"{name} has to be a finite number.", name)
    # Also not so small that its reciprocal is infinite.
    if not sampling.repeat_penalty > 1 / MAX_FLOAT32:
        raise InvalidRequest("repeat_penalty has to be greater than 0.", "repeat_penalty")
    for name in _INTEGERS:
        if not -_MAX_INT32 <= getattr(sampling, name) <= _MAX_INT32:
            raise InvalidRequest(f"{name} has to be at most {_MAX_INT32}.", name)
    for name, (lowest, highest) in _BOUNDS.items():
        value = getattr(sampling, name)
        if lowest is not None and value < lowest:
            raise InvalidRequest(f"{name} has to be at least {lowest}.", name)
        if highest is not None and value > highest:
            raise InvalidRequest(f"{name} has to be at most {highest}.", name)
    _check_breakers(sampling.dry_sequence_breakers)


def _check_breakers(breakers: tuple[str, ...]) -> None:
    if len(breakers) > _MAX_BREAKERS:
        raise InvalidRequest(f"dry_sequence_breakers must hold at most {_MAX_BREAKERS} strings.")
    for text in breakers:
        if not text or "\0" in text or len(text.encode("utf-8", "replace")) > _MAX_BREAKER_BYTES:
            raise InvalidRequest(f"Each of dry_sequence_breakers has to have 1 to {_MAX_BREAKER_BYTES} bytes and no zero byte.")
