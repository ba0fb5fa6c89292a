"""Durations the way Ollama's clients and variables write them: Go's "1h30m", and bare numbers of seconds."""

import math
import re

#: A model kept for ever.
FOREVER = math.inf

_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)\Z")
_MAX_SECONDS = 2**63 / 1e9


def parse_duration(text: str) -> float:
    """Seconds. Takes Go durations, days ("1d") and bare numbers of seconds; raises `ValueError` with a sentence."""
    value = text.strip()
    if _NUMBER.match(value):
        return _clamp(float(value))
    unsigned = value.lstrip("+-") if value[:1] in "+-" else value
    seconds, position = 0.0, 0
    for part in _PART.finditer(unsigned):
        if part.start() != position:
            break
        seconds += float(part[1]) * _UNIT_SECONDS[part[2]]
        position = part.end()
    if not unsigned or position != len(unsigned) or len(value) - len(unsigned) > 1:
        raise ValueError(f'invalid duration "{text}": write it as 30s, 5m, 1h30m or a number of seconds')
    return _clamp(-seconds if value.startswith("-") else seconds)


def keep_alive_seconds(seconds: float) -> float:
    """Ollama's meaning of a keep-alive: a negative one is for ever."""
    return FOREVER if seconds < 0 else seconds


def _clamp(seconds: float) -> float:
    return max(-_MAX_SECONDS, min(_MAX_SECONDS, seconds))
