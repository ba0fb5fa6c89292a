#!/usr/bin/env python3
"""How long Hearth takes to start, and how much memory it holds with no model loaded.

    python -m bench.footprint [--runs 3] [--json]

Cold is a new data directory; warm is the second start on it, the median over the runs. Times run from the start of the
process to the first answer of `/health`, to the first whole page, and to a runtime that is ready. Memory is read once every
process has been ready for `--settle` seconds and a page has been served: RSS (shared libraries counted in each process)
and PSS (shared pages divided among those who use them; Linux only), in MiB.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.site import Site, wait_until

MIB = 1024 * 1024


def start(site: Site) -> dict[str, float]:
    """Seconds from the start of the process."""
    began = time.perf_counter()
    site.start()
    health = time.perf_counter() - began
    page = httpx.get(f"{site.url}/", follow_redirects=True, timeout=30)
    page.raise_for_status()
    first_page = time.perf_counter() - began
    wait_until(site.is_ready, "the runtime", 90)
    return {"health": health, "first_page": first_page, "runtime_ready": time.perf_counter() - began}


def memory(site: Site) -> dict[str, dict[str, float]]:
    assert site.process is not None
    supervisor = psutil.Process(site.process.pid)
    names = {process.pid: part for part, process in site.processes().items()}
    figures = {}
    for process in [supervisor, *supervisor.children(recursive=True)]:
        info = process.memory_full_info()
        figures[names.get(process.pid, f"other {process.pid}")] = {
            "rss": info.rss / MIB,
            "pss": getattr(info, "pss", 0) / MIB,
            "uss": info.uss / MIB,
        }
    figures["tree"] = {kind: sum(figure[kind] for figure in figures.values()) for kind in ("rss", "pss", "uss")}
    return figures


def measure(runs: int, settle: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hearth-footprint-") as folder:
        site = Site(Path(folder))
        try:
            cold = start(site)
            site.stop()
            warm = []
            for _ in range(runs):
                warm.append(start(site))
                time.sleep(settle)
                figures = memory(site)
                site.stop()
        finally:
            site.stop()
    return {"cold": cold, "warm": {key: statistics.median(run[key] for run in warm) for key in cold}, "memory": figures}


def print_table(result: dict[str, Any]) -> None:
    print(f"{'seconds to':<16}{'cold':>8}{'warm':>8}")
    for key, label in (("health", "/health"), ("first_page", "first page"), ("runtime_ready", "runtime ready")):
        print(f"{label:<16}{result['cold'][key]:>8.2f}{result['warm'][key]:>8.2f}")
    print(f"\n{'MiB, idle':<16}{'RSS':>8}{'PSS':>8}{'USS':>8}")
    for part, figure in result["memory"].items():
        print(f"{part:<16}{figure['rss']:>8.1f}{figure['pss']:>8.1f}{figure['uss']:>8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--settle", type=float, default=5.0, help="seconds of rest before memory is read")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    given = parser.parse_args()
    result = measure(given.runs, given.settle)
    if not given.json:
        print_table(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
