#!/usr/bin/env python3
"""Checks and measures what Hearth does with a GPU: on a machine with one NVIDIA card, with a llama.cpp built for it.

    python -m bench.gpu [--only NAME …] [--vocabulary GGUF] [--shape 2b] [--models FOLDER] [--json FILE]

The models are made here, with random weights: what they write means nothing, but takes as long and as much memory as that of a
trained one. Memory is compared with what the driver says, so nothing else should use the card meanwhile.
"""

import argparse
import json
import tempfile
import time
import traceback
from pathlib import Path

from bench.gpu import placing, writing  # noqa: F401  # they hold the checks
from bench.gpu.checks import CHECKS, Box
from bench.random_model import SHAPES, write_random_model
from inference.library.starter import find_starter_file

_FILES = {"model": ("Q8_0", 1), "other": ("Q8_0", 2), "small": ("Q8_0", 3)}


def make_models(folder: Path, shape: str, vocabulary: Path) -> None:
    for name, (kind, seed) in _FILES.items():
        path = folder / f"{name}.gguf"
        if not path.exists():
            write_random_model(path, SHAPES["small" if name == "small" else shape], kind, vocabulary, seed=seed, name=name)


def run(box: Box, names: list[str]) -> dict[str, dict[str, object]]:
    results: dict[str, dict[str, object]] = {}
    for name in names:
        started = time.perf_counter()
        try:
            found, is_met = CHECKS[name](box), True
        except Exception as error:
            traceback.print_exc()
            found, is_met = f"{type(error).__name__}: {error}"[:1500], False
        seconds = time.perf_counter() - started
        results[name] = {"met": is_met, "found": found, "seconds": round(seconds, 1)}
        print(f"{'PASS' if is_met else 'FAIL'} {name} ({seconds:.1f} s): {found}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS), metavar="NAME", help=", ".join(CHECKS))
    parser.add_argument("--vocabulary", type=Path, default=find_starter_file(), help="a GGUF whose tokens the models have")
    parser.add_argument("--shape", choices=SHAPES, default="2b")
    parser.add_argument("--models", type=Path, help="a folder in which the models are made and kept")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-gpu-") as scratch:
        folder = options.models or Path(scratch)
        folder.mkdir(exist_ok=True)
        make_models(folder, options.shape, options.vocabulary)
        results = run(Box(folder), options.only)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    failed = [name for name, result in results.items() if not result["met"]]
    print(f"{len(results) - len(failed)} of {len(results)} are met" + (f"; not: {', '.join(failed)}" if failed else ""))


if __name__ == "__main__":
    main()
