#!/usr/bin/env python3
"""How much of an engine step is Python: a step's time less what llama_decode and sampling take of it.

    python -m bench.step [--sequences 1 4 8 16] [--tokens 64] [--model GGUF]

Runs the engine in this process on the starter model or another, with the two calls into llama.cpp timed from outside. Sockets,
messages and detokenising of other threads are not in it; text, stop strings and bookkeeping of the decode thread are.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.library.starter import find_starter_file
from inference.runner.config import RunnerConfig
from inference.runner.engine.engine import Engine
from inference.runner.engine.request import Request
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import SamplingParams
from inference.runner.threads import usable_cores

PROMPT = "Tell me the history of bread."


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def measure(model: LlamaModelRunner, sequences: int, num_tokens: int) -> dict[str, float]:
    decode, sample = Stopwatch(), Stopwatch()
    plain = model.decode, model.sample
    model.decode, model.sample = decode.around(model.decode), sample.around(model.sample)  # type: ignore[method-assign]
    engine = Engine(model)
    tokens = model.vocabulary.tokenize(PROMPT, parse_special=False)
    for number in range(sequences):
        sampling = SamplingParams(seed=number, ignore_eos=True)
        engine.add(Request(f"r{number}", list(tokens), sampling, num_tokens, [], time.perf_counter_ns()))
    while engine.scheduler.num_generating < sequences:
        engine.step()
    decode.seconds = sample.seconds = 0.0
    started, steps = time.perf_counter(), 0
    while engine.scheduler.num_generating == sequences:
        engine.step()
        steps += 1
    wall = time.perf_counter() - started
    model.decode, model.sample = plain  # type: ignore[method-assign]
    python = wall - decode.seconds - sample.seconds
    return {
        "step_ms": 1000 * wall / steps,
        "decode_percent": 100 * decode.seconds / wall,
        "sample_percent": 100 * sample.seconds / wall,
        "python_percent": 100 * python / wall,
        "tokens_per_second": sequences * steps / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--model", type=Path, default=find_starter_file())
    parser.add_argument("--threads", type=int, default=usable_cores())
    options = parser.parse_args()
    config = RunnerConfig(
        model_path=str(options.model), socket_path="", num_ctx=1024, num_slots=max(options.sequences), num_threads=options.threads
    )
    model = LlamaModelRunner(config)
    result = {str(count): measure(model, count, options.tokens) for count in options.sequences}
    model.close()
    print(f"{'sequences':>9}{'step ms':>10}{'decode %':>10}{'sample %':>10}{'Python %':>10}{'tokens/s':>10}")
    for count, row in result.items():
        figures = (row["step_ms"], row["decode_percent"], row["sample_percent"], row["python_percent"], row["tokens_per_second"])
        print(f"{count:>9}" + "".join(f"{figure:>10.2f}" for figure in figures))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
