"""`python -m inference.runner.llama.calibrate`: how fast llama.cpp goes through weights on this machine, in about two seconds.

Reads `{"folder", "kinds", "has_gpu"}` as JSON from standard input: where a file may be made (it takes no room on most disks,
its weights are zeros) and types of weights such as "Q4_K". Prints `{"rates": {kind: bytes of weights a second}, "layer_seconds",
"host_rates", "host_layer_seconds"}`: while one token after the other is computed, and what a layer of a token costs beside that.
With a GPU, the first two are its own and the others what the host does without it; otherwise there are only the first.

What limits a token is the memory on most machines and the arithmetic on some, and which of the two depends on the type:
so neither is measured alone, but what becomes of both.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp

from inference.runner import lifetime
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama import backend
from inference.runner.llama.blank_model import BlankModel, write_blank_model
from inference.runner.llama.context import LlamaContext
from inference.runner.llama.model import LlamaModel

_NARROW_KIND = "Q4_0"
_SECONDS = 0.15
_LEAST_TOKENS, _MOST_TOKENS = 4, 200
_SUSPICIOUS, _MOST_REPEATS = 2.5, 2
_LEAST_LAYER_SECONDS, _MOST_LAYER_SECONDS = 5e-6, 5e-4


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured with: weights larger than the caches of most processors, as a real model does not stay in them either,
    in layers so wide that little is lost between them; and layers as narrow as small models have, whose time is lost there."""

    weight_bytes: int
    wide: BlankModel
    num_gpu_layers: int


_NARROW = BlankModel(num_embd=576, num_ff=1536, num_heads=9, num_layers=30)
_HOST = Bench(weight_bytes=128 * 1024**2, wide=BlankModel(num_embd=2048, num_ff=5632, num_heads=16), num_gpu_layers=0)
_GPU = Bench(weight_bytes=512 * 1024**2, wide=BlankModel(num_embd=4096, num_ff=14_336, num_heads=32), num_gpu_layers=-1)


def main() -> None:
    parent_pid = os.getppid()
    request = json.load(sys.stdin)
    lifetime.die_with_parent(parent_pid)
    backend.start_backend()
    path = Path(request["folder"]) / "calibration.gguf"
    try:
        answer = _measure(path, _HOST, request["kinds"])
        if request.get("has_gpu"):
            answer = {f"host_{name}": value for name, value in answer.items()} | _measure(path, _GPU, request["kinds"])
        json.dump(answer, sys.stdout)
    finally:
        path.unlink(missing_ok=True)


def _measure(path: Path, bench: Bench, kinds: list[str]) -> dict[str, Any]:
    rates = _rates(path, bench, kinds)
    return {"rates": rates, "layer_seconds": _layer_seconds(path, bench, rates)}


def _rates(path: Path, bench: Bench, kinds: list[str]) -> dict[str, float]:
    """Types differ by less than what another program does that takes a core for a moment: what lags far behind is measured
    again."""
    rates = {kind: _rate(path, bench, kind) for kind in kinds}
    for _ in range(_MOST_REPEATS):
        fastest = max(rates.values(), default=0.0)
        for kind in [kind for kind, rate in rates.items() if rate < fastest / _SUSPICIOUS]:
            rates[kind] = max(rates[kind], _rate(path, bench, kind))
    return rates


def _rate(path: Path, bench: Bench, kind: str) -> float:
    """Bytes a second."""
    num_bytes = write_blank_model(path, bench.wide.with_layers_for(bench.weight_bytes, kind), kind)
    return num_bytes / _seconds_per_token(path, bench)


def _layer_seconds(path: Path, bench: Bench, rates: dict[str, float]) -> float:
    num_bytes = write_blank_model(path, _NARROW, _NARROW_KIND)
    seconds = min(_seconds_per_token(path, bench) for _ in range(2)) - num_bytes / rates[_NARROW_KIND]
    return min(max(seconds / _NARROW.num_layers, _LEAST_LAYER_SECONDS), _MOST_LAYER_SECONDS)


def _seconds_per_token(path: Path, bench: Bench) -> float:
    model = LlamaModel(path, use_mmap=False, num_gpu_layers=bench.num_gpu_layers)
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
