"""`python -m inference.runner.llama.calibrate`: how fast llama.cpp goes through weights on this machine, in about two seconds.

Reads `{"folder", "kinds"}` as JSON from standard input: where a file may be made (it takes no room on most disks, its
weights are zeros) and types of weights such as "Q4_K". Prints `{"rates": {kind: bytes of weights a second}, "layer_seconds"}`:
while one token after the other is computed, and what a layer of a token costs beside that.

What limits a token is the memory on most machines and the arithmetic on some, and which of the two depends on the type:
so neither is measured alone, but what becomes of both.
"""

import json
import os
import sys
import time
from pathlib import Path

from llama_cpp import llama_cpp

from inference.runner import lifetime
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama import backend
from inference.runner.llama.blank_model import BlankModel, write_blank_model
from inference.runner.llama.context import LlamaContext
from inference.runner.llama.model import LlamaModel

#: Larger than the caches of most processors: a real model does not stay in them either.
_WEIGHT_BYTES = 128 * 1024**2
_WIDE = BlankModel(num_embd=2048, num_ff=5632, num_heads=16)
#: As narrow as small models are: their time is lost between the layers.
_NARROW = BlankModel(num_embd=576, num_ff=1536, num_heads=9, num_layers=30)
_NARROW_KIND = "Q4_0"
_SECONDS = 0.15
_LEAST_TOKENS, _MOST_TOKENS = 4, 200
_SUSPICIOUS, _MOST_REPEATS = 2.5, 2
_LEAST_LAYER_SECONDS, _MOST_LAYER_SECONDS = 5e-6, 5e-4


def main() -> None:
    parent_pid = os.getppid()
    request = json.load(sys.stdin)
    lifetime.die_with_parent(parent_pid)
    backend.start_backend()
    path = Path(request["folder"]) / "calibration.gguf"
    try:
        rates = _rates(path, request["kinds"])
        json.dump({"rates": rates, "layer_seconds": _layer_seconds(path, rates)}, sys.stdout)
    finally:
        path.unlink(missing_ok=True)


def _rates(path: Path, kinds: list[str]) -> dict[str, float]:
    """Types differ by less than what another program does that takes a core for a moment: what lags far behind is measured
    again."""
    rates = {kind: _rate(path, kind) for kind in kinds}
    for _ in range(_MOST_REPEATS):
        fastest = max(rates.values(), default=0.0)
        for kind in [kind for kind, rate in rates.items() if rate < fastest / _SUSPICIOUS]:
            rates[kind] = max(rates[kind], _rate(path, kind))
    return rates


def _rate(path: Path, kind: str) -> float:
    """Bytes a second."""
    num_bytes = write_blank_model(path, _WIDE.with_layers_for(_WEIGHT_BYTES, kind), kind)
    return num_bytes / _seconds_per_token(path)


def _layer_seconds(path: Path, rates: dict[str, float]) -> float:
    num_bytes = write_blank_model(path, _NARROW, _NARROW_KIND)
    seconds = min(_seconds_per_token(path) for _ in range(2)) - num_bytes / rates[_NARROW_KIND]
    return min(max(seconds / _NARROW.num_layers, _LEAST_LAYER_SECONDS), _MOST_LAYER_SECONDS)


def _seconds_per_token(path: Path) -> float:
    model = LlamaModel(path, use_mmap=False)
    config = RunnerConfig(model_path=str(path), socket_path="", num_ctx=256, num_slots=1)
    context = LlamaContext(model, config, num_ctx=256)
    try:
        times: list[float] = []
        while len(times) < _LEAST_TOKENS or (sum(times) < _SECONDS and len(times) < _MOST_TOKENS):
            started = time.perf_counter()
            context.decode([Chunk(0, len(times), [0], True)])
            llama_cpp.llama_synchronize(context.handle)
            times.append(time.perf_counter() - started)
    finally:
        context.close()
        model.close()
    # Other programs only ever make it longer.
    return min(times)


if __name__ == "__main__":
    main()
