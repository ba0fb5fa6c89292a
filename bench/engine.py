#!/usr/bin/env python3
"""Hearth's runtime against llama-server on the same GGUF, with the same threads and the same context for each slot.

    python -m bench.engine [--peer PATH/llama-server] [--clients 1 4 8 16] [--rounds 3] [--json FILE]

Without --peer a llama-server of the PATH is taken, and without any Hearth is measured alone. Both are started, and while one of
them works the other idles: each figure of the one is measured right after the same figure of the other, since what a shared
machine gives changes by a tenth from minute to minute. Every round starts them anew and takes the other one first. The figures
are medians over the rounds; the ratio is the median of Hearth over llama-server in each round. "stall" streams one answer while
a 4,000-token prompt arrives.
"""

import argparse
import asyncio
import json
import shutil
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from bench.load import load, stall
from bench.servers import Running, Settings, hearth, llama_server
from inference.runner.threads import usable_cores

Figures = dict[str, float]
#: Two answers of one client take a second, in which the machine may do anything.
_FEWEST_REQUESTS = 8


def start(name: str, options: argparse.Namespace, settings: Settings) -> AbstractContextManager[Running]:
    return hearth(settings) if name == "hearth" else llama_server(options.peer, settings)


def one_round(names: Sequence[str], options: argparse.Namespace) -> dict[str, Figures]:
    figures: dict[str, Figures] = {name: {} for name in names}
    with ExitStack() as stack:
        wide = Settings(max(options.clients), options.context, options.threads)
        programs = {name: stack.enter_context(start(name, options, wide)) for name in names}
        for running in programs.values():
            asyncio.run(load(running.target, clients=1, requests=1, max_tokens=16))
        for clients in options.clients:
            for name, running in programs.items():
                requests = max(_FEWEST_REQUESTS, 2 * clients)
                result = asyncio.run(load(running.target, clients=clients, requests=requests, max_tokens=options.tokens))
                figures[name] |= {f"{clients} clients {key}": value for key, value in result.items()}
        for name, running in programs.items():
            figures[name]["memory_mb"] = running.model_memory() / 1e6
    with ExitStack() as stack:
        deep = Settings(2, options.stall_tokens + 2048, options.threads)
        programs = {name: stack.enter_context(start(name, options, deep)) for name in names}
        for name, running in programs.items():
            asyncio.run(load(running.target, clients=1, requests=1, max_tokens=16))
            result = asyncio.run(stall(running.target, prompt_tokens=options.stall_tokens))
            figures[name] |= {f"stall {key}": value for key, value in result.items()}
    return figures


def medians(rounds: list[Figures]) -> Figures:
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


def ratios(ours: list[Figures], peers: list[Figures]) -> Figures:
    return medians([{key: mine[key] / theirs[key] for key in mine} for mine, theirs in zip(ours, peers, strict=True)])


def print_table(result: dict[str, Figures]) -> None:
    peer = result.get("llama-server")
    print(f"{'figure':<32}{'Hearth':>12}" + (f"{'llama-server':>14}{'ratio':>8}" if peer else ""))
    for key, ours in result["hearth"].items():
        print(f"{key:<32}{ours:>12.3f}" + (f"{peer[key]:>14.3f}{result['ratio'][key]:>8.2f}" if peer else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, default=shutil.which("llama-server"), help="a llama-server of the same llama.cpp")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=96, help="tokens of each answer")
    parser.add_argument("--context", type=int, default=1024, help="tokens of context of each slot")
    parser.add_argument("--stall-tokens", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="also write all rounds here")
    options = parser.parse_args()
    names = ["llama-server", "hearth"] if options.peer else ["hearth"]
    rounds: dict[str, list[Figures]] = {name: [] for name in names}
    for number in range(options.rounds):
        for name, figures in one_round(names if number % 2 == 0 else names[::-1], options).items():
            rounds[name].append(figures)
    result: dict[str, Any] = {name: medians(figures) for name, figures in rounds.items()}
    if options.peer:
        result["ratio"] = ratios(rounds["hearth"], rounds["llama-server"])
    print_table(result)
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
