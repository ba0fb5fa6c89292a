"""The checks by name; each says in a word what it found, or fails an assertion."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

from bench.gpu.service import Answer
from inference.library.gguf import read_metadata
from inference.library.shape import read_shape

#: How far two ways to compute the same may lie apart, in the logarithm of a probability.
CLOSE = 0.15
#: So that what was computed in one way is computed again in the other.
NOTHING_KEPT = {"HEARTH_KV_CACHE_MAX": "0"}


@dataclasses.dataclass(frozen=True)
class Box:
    """The folder of models with the file to be checked, `model.gguf`, another like it and a small one."""

    models: Path

    @property
    def model(self) -> Path:
        return self.models / "model.gguf"

    @property
    def weights(self) -> int:
        return read_shape(read_metadata(self.model)).weight_bytes


Check = Callable[[Box], str]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


def apart(one: Answer, other: Answer) -> float:
    """The largest difference among the likeliest three first tokens of the one; infinite where the other does not name one."""
    likeliest = sorted(one.top, key=lambda token: -one.top[token])[:3]
    return max(abs(one.top[token] - other.top.get(token, -math.inf)) for token in likeliest)
