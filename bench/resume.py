#!/usr/bin/env python3
"""A long conversation that is continued: cold, in memory, and after the runtime was stopped and started again.

    python -m bench.resume [--prompt-tokens 4000] [--rounds 3] [--threads N] [--json FILE]

The time to the first token of the continuation, the part of it that the runner took, the tokens of its prompt that needed no
computing, and whether the answer is the same at temperature 0 as without any cache. Each round starts the runtime twice, with
what was saved and without any cache ("cold"), so that both meet the same machine; every round is printed, then the medians.
"in memory" is the turn after the cold one. The continuation is never asked before the stop, nor long enough to be saved.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.load import Target
from bench.servers import Settings, hearth
from inference.runner.threads import usable_cores

SENTENCE = "On day {day} the harbour master wrote down {ships} ships, their cargo and the names of their captains. "
QUESTION = "What did the harbour master write down?"


def story(num_tokens: int) -> str:
    """About so many tokens: a sentence has 24 of the starter model's."""
    return "".join(SENTENCE.format(day=day, ships=day * 7 % 40) for day in range(num_tokens // 24))


def ask(target: Target, messages: list[dict[str, str]], max_tokens: int = 32) -> dict[str, Any]:
    """One streamed answer; its text, the time to the first token in s, and the counts of the last line."""
    body = {"model": target.model, "messages": messages, "options": {"num_predict": max_tokens, "temperature": 0}}
    started, first, text = time.perf_counter(), 0.0, ""
    with httpx.stream("POST", f"{target.url}/api/chat", json=body, timeout=600) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            event = json.loads(line)
            if "error" in event:
                raise RuntimeError(event["error"])
            if not first and (event["message"]["content"] or event["done"]):
                first = time.perf_counter() - started
            text += event["message"]["content"]
    return {
        "ttft": first,
        "text": text,
        "prompt_tokens": event["prompt_eval_count"],
        "cached_tokens": event["hearth"]["cached_tokens"],
        "runner_seconds": event["prompt_eval_duration"] / 1e9,
    }


def turn(messages: list[dict[str, str]], answer: str, question: str) -> list[dict[str, str]]:
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": question}]


def one_round(settings: Settings, folder: Path, longer: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    with hearth(settings, data=folder) as running:
        resumed = ask(running.target, longer)
    with hearth(settings, HEARTH_KV_CACHE_MAX="0") as running:
        cold = ask(running.target, longer)
        in_memory = ask(running.target, turn(longer, cold["text"], "And then?"))
    resumed["is_same"] = resumed["text"] == cold["text"]
    return {"cold": cold, "in memory": in_memory, "after a restart": resumed}


def measure(settings: Settings, prompt_tokens: int, num_rounds: int) -> list[dict[str, dict[str, Any]]]:
    beginning = [{"role": "user", "content": story(prompt_tokens) + QUESTION}]
    with tempfile.TemporaryDirectory(prefix="hearth-resume-") as name:
        folder = Path(name)
        with hearth(settings, data=folder) as running:
            answer = ask(running.target, beginning)["text"]
            started = time.perf_counter()
        saved = sum(path.stat().st_size for path in folder.glob("kv/*/*"))
        print(f"stopping took {time.perf_counter() - started:.2f} s with {saved / 1e6:.0f} MB saved", flush=True)
        rounds = []
        for _ in range(num_rounds):
            rounds.append(one_round(settings, folder, turn(beginning, answer, "Go on.")))
            print_round(rounds[-1])
    return rounds


def print_round(result: dict[str, dict[str, Any]]) -> None:
    print(
        f"{'continued':<18}{'TTFT s':>9}{'of cold':>9}{'in runner':>11}{'prompt':>8}{'cached':>8}  load {os.getloadavg()[0]:.1f}"
    )
    for name, figures in result.items():
        ratio = figures["ttft"] / result["cold"]["ttft"]
        row = f"{name:<18}{figures['ttft']:>9.3f}{ratio:>9.2%}{figures['runner_seconds']:>11.3f}"
        same = {True: "  same text", False: "  OTHER TEXT", None: ""}[figures.get("is_same")]
        print(f"{row}{figures['prompt_tokens']:>8}{figures['cached_tokens']:>8}{same}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt-tokens", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="also write all rounds here")
    options = parser.parse_args()
    settings = Settings(slots=2, context=options.prompt_tokens + 1024, threads=options.threads)
    rounds = measure(settings, options.prompt_tokens, options.rounds)
    ttft = {name: statistics.median(result[name]["ttft"] for result in rounds) for name in rounds[0]}
    ratios = [result["after a restart"]["ttft"] / result["cold"]["ttft"] for result in rounds]
    summary = {"ttft": ttft, "resumed_of_cold": statistics.median(ratios), "resumed_of_cold_each": ratios}
    print(json.dumps(summary))
    if options.json:
        options.json.write_text(json.dumps({"summary": summary, "rounds": rounds}, indent=1))


if __name__ == "__main__":
    main()
