#!/usr/bin/env python3
"""A long conversation that is continued: cold, in memory, and after the runtime was stopped and started again.

    python -m bench.resume [--prompt-tokens 4000] [--threads N] [--json FILE]

The time to the first token of the continuation, the tokens of its prompt that needed no computing, and whether the answer is
the same at temperature 0 as without any cache. "cold" has HEARTH_KV_CACHE_MAX=0 and is started anew.
"""

import argparse
import json
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
    }


def measure(settings: Settings, prompt_tokens: int) -> dict[str, dict[str, Any]]:
    beginning = [{"role": "user", "content": story(prompt_tokens) + QUESTION}]
    with tempfile.TemporaryDirectory(prefix="hearth-resume-") as folder:
        with hearth(settings, data=Path(folder)) as running:
            first = ask(running.target, beginning)
            longer = [*beginning, {"role": "assistant", "content": first["text"]}, {"role": "user", "content": "Go on."}]
            in_memory = ask(running.target, longer)
            started = time.perf_counter()
        stopped = time.perf_counter() - started
        saved = sum(path.stat().st_size for path in Path(folder).glob("kv/*/*"))
        with hearth(settings, data=Path(folder)) as running:
            resumed = ask(running.target, longer)
    with hearth(settings, HEARTH_KV_CACHE_MAX="0") as running:
        cold = ask(running.target, longer)
    resumed |= {"stop_seconds": stopped, "saved_mb": saved / 1e6}
    return {"cold": cold, "in memory": in_memory, "after a restart": resumed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt-tokens", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="also write the result here")
    options = parser.parse_args()
    settings = Settings(slots=2, context=options.prompt_tokens + 1024, threads=options.threads)
    result = measure(settings, options.prompt_tokens)
    cold = result["cold"]
    print(f"{'continued':<18}{'TTFT s':>10}{'of cold':>10}{'prompt':>9}{'cached':>9}  same text")
    for name, figures in result.items():
        figures["ratio"] = figures["ttft"] / cold["ttft"]
        figures["is_same"] = figures["text"] == cold["text"]
        numbers = f"{figures['ttft']:>10.3f}{figures['ratio']:>10.1%}{figures['prompt_tokens']:>9}{figures['cached_tokens']:>9}"
        print(f"{name:<18}{numbers}  {'yes' if figures['is_same'] else 'NO'}")
    resumed = result["after a restart"]
    print(f"stopping took {resumed['stop_seconds']:.2f} s with {resumed['saved_mb']:.0f} MB saved")
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
