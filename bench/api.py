#!/usr/bin/env python3
"""What the HTTP APIs cost, beside the model they serve.

    python -m bench.api [--only latency ports idle queue] [--rounds 3] [--clients 8] [--json FILE]

"latency": time a token, over Ollama's and OpenAI's API, less that of the same runner with the same questions asked over its own
socket; "ports": tokens/s on port 3000 with an API key against port 11434; "idle": memory that 200 connections cost which were
used once and are kept alive; "queue": 50 clients at once, each somebody else, behind 4 slots: whether all are answered, and
how many who came later were served before the one who waited longest for it. What is compared is measured in turn in every
round; figures are medians over the rounds.
"""

import argparse
import asyncio
import dataclasses
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.connections import idle_connections
from bench.direct import direct_load
from bench.load import Target, load
from bench.queueing import overtaken
from bench.servers import Settings, hearth
from inference.runner.threads import usable_cores
from tests.site import MODEL, Site, scratch_site

Figures = dict[str, float]

_MAKE_KEY = """
from webui.models import User
from webui.services.api_keys import create_key
user = User(email="bench@example.org", password="!", display_name="Bench", role="administrator", is_approved=True)
user.save()
print(create_key(user, name="bench", scopes=["chat", "embed"])[1])
"""


def latency(options: argparse.Namespace) -> Figures:
    settings = Settings(options.clients, 1024, options.threads)
    asked = {"clients": options.clients, "requests": 2 * options.clients, "max_tokens": options.tokens}
    direct = asyncio.run(direct_load(settings, **asked))
    figures = {"direct: ms a token": direct["token_ms"], "direct: tokens/s": direct["tokens_per_second"]}
    for api in ("ollama", "openai"):
        with hearth(settings) as running:
            target = dataclasses.replace(running.target, api=api)
            asyncio.run(load(target, clients=1, requests=1, max_tokens=16))
            result = asyncio.run(load(target, **asked))
        figures |= {
            f"{api}: ms a token": result["token_ms"],
            f"{api}: tokens/s": result["tokens_per_second"],
            f"{api}: added ms a token": result["token_ms"] - direct["token_ms"],
        }
    return figures


def ports(options: argparse.Namespace) -> Figures:
    """Both ports of one site, and each first in turn."""
    found: dict[str, list[float]] = {"11434": [], "3000": []}
    slots = str(options.clients)
    with scratch_site(OLLAMA_NUM_PARALLEL=slots, OLLAMA_CONTEXT_LENGTH="1024", OLLAMA_KEEP_ALIVE="-1") as site:
        key = site.manage("shell", "-v", "0", "-c", _MAKE_KEY).strip().splitlines()[-1]
        targets = {"11434": Target(site.runtime_url, MODEL, "openai"), "3000": Target(site.url, MODEL, "openai", key)}
        for target in (*targets.values(), *targets.values()):
            asyncio.run(load(target, clients=options.clients, requests=options.clients, max_tokens=16))
        for turn in range(4):
            for name in sorted(targets, reverse=bool(turn % 2)):
                result = asyncio.run(
                    load(targets[name], clients=options.clients, requests=2 * options.clients, max_tokens=options.tokens)
                )
                found[name].append(result["tokens_per_second"])
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        "port 11434: tokens/s": medians["11434"],
        "port 3000: tokens/s": medians["3000"],
        "port 3000 against 11434": medians["3000"] / medians["11434"],
    }


def idle(options: argparse.Namespace) -> Figures:
    figures: Figures = {}
    with scratch_site() as site:
        for name, url in (("runtime", site.runtime_url), ("web", site.url)):
            figures[f"200 connections to the {name}: MB"] = idle_connections(url, 200, partial(_resident, site, name))
    return figures


def _resident(site: Site, part: str) -> int:
    return int(site.processes()[part].memory_info().rss)


def queue(options: argparse.Namespace) -> Figures:
    with hearth(Settings(4, 1024, options.threads)) as running:
        asyncio.run(load(running.target, clients=1, requests=1, max_tokens=16))
        return asyncio.run(overtaken(running.target, clients=50, max_tokens=24))


PARTS: dict[str, Callable[[argparse.Namespace], Figures]] = {"latency": latency, "ports": ports, "idle": idle, "queue": queue}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=96, help="tokens of each answer")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="also write all rounds here")
    options = parser.parse_args()
    rounds: list[Figures] = []
    for _ in range(options.rounds):
        figures: Figures = {}
        for part in options.only:
            figures |= PARTS[part](options)
        rounds.append(figures)
    result = {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}
    for name, value in result.items():
        print(f"{name:<44}{value:>12.3f}")
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
