#!/usr/bin/env python3
"""How fast the library is: pulls from a registry on this machine, the list of many models, and what is told of one.

    python -m bench.library [--megabytes 500] [--rounds 5] [--models 500] [--json]

A pull is compared with `curl` writing the same bytes to a file and `openssl dgst -sha256` reading them back, one after the
other, in interleaved rounds (medians; the registry is Debian's docker-registry, on the same machine and cores). The list is
`/api/tags` with so many models, every one with a GGUF header and a config of its own; shown is the starter model, not loaded.
First is the first answer after the start, when nothing is remembered yet. Bars: 60 % of curl, list < 100 ms, show < 30 ms.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from inference.library.models import Library
from tests.contract.service import MODEL, Service
from tests.docker_registry import DockerRegistry, digest_of, running_registry
from tests.inference.library.files import TINY, gguf, make_model

REPEATS = 20
#: openssl uses the processor's instructions for SHA; not every sha256sum does.
HASHER = ["openssl", "dgst", "-sha256"] if shutil.which("openssl") else ["sha256sum"]


def curl_and_sha256(registry: DockerRegistry, digest: str, folder: Path) -> float:
    """Seconds."""
    target = folder / "fetched"
    began = time.perf_counter()
    subprocess.run(["curl", "-sf", "-o", target, f"{registry.url}/v2/library/bench/blobs/{digest}"], check=True)
    subprocess.run([*HASHER, target], check=True, capture_output=True)
    elapsed = time.perf_counter() - began
    target.unlink()
    return elapsed


def pull(service: Service, registry: DockerRegistry) -> float:
    """Seconds, after which the model is deleted."""
    name = f"{registry.host}/library/bench"
    with service.client() as client:
        began = time.perf_counter()
        answer = client.post("/api/pull", json={"model": name, "insecure": True, "stream": False})
        elapsed = time.perf_counter() - began
        assert answer.json() == {"status": "success"}, answer.text
        client.request("DELETE", "/api/delete", json={"model": name}).raise_for_status()
    return elapsed


def measure_pulls(folder: Path, megabytes: int, rounds: int) -> dict[str, Any]:
    content = open("/dev/urandom", "rb").read(megabytes * 1_000_000)  # noqa: SIM115, PTH123
    service = Service(folder / "data")
    with running_registry(folder / "registry") as registry:
        registry.push("library/bench", "latest", {"model": content})
        service.start()
        try:
            pairs = [(curl_and_sha256(registry, digest_of(content), folder), pull(service, registry)) for _ in range(rounds + 1)][
                1:
            ]
        finally:
            service.stop()
    rates = [[megabytes / seconds for seconds in column] for column in zip(*pairs, strict=True)]
    curl, pulled = map(statistics.median, rates)
    return {"megabytes": megabytes, "curl_mb_s": curl, "pull_mb_s": pulled, "ratio": pulled / curl, "rounds": rates}


def measure_list(folder: Path, models: int) -> dict[str, Any]:
    library = Library(folder / "models")
    for number in range(models):
        weights = gguf({**TINY, "general.name": (8, f"model {number}")})
        make_model(library, f"model-{number // 10}:v{number % 10}", weights=weights)
    service = Service(folder / "many", OLLAMA_MODELS=str(folder / "models")).start()
    try:

        def listed(client: httpx.Client) -> None:
            assert len(client.get("/api/tags").json()["models"]) == models + 1

        def shown(client: httpx.Client) -> None:
            assert client.post("/api/show", json={"model": MODEL}).raise_for_status().json()["template"]

        with service.client() as client:
            client.get("/api/version")
            return {"models": models, "list_ms": times(client, listed), "show_ms": times(client, shown)}
    finally:
        service.stop()


def times(client: httpx.Client, ask: Callable[[httpx.Client], None]) -> dict[str, float]:
    """Milliseconds of the first answer and the median of those that follow, with the client's reading of it."""
    elapsed = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        ask(client)
        elapsed.append((time.perf_counter() - began) * 1000)
    return {"first": elapsed[0], "median": statistics.median(elapsed[1:])}


def print_table(result: dict[str, Any]) -> None:
    pulls, library = result["pull"], result["library"]
    print(f"{pulls['megabytes']} MB from a local registry, MB/s")
    print(f"{'curl + sha256':<28}{pulls['curl_mb_s']:>8.0f}")
    print(f"{'/api/pull':<28}{pulls['pull_mb_s']:>8.0f}   {pulls['ratio']:.0%}")
    print(f"\n{'milliseconds':<28}{'first':>8}{'median':>8}")
    for key, label in (("list_ms", f"list of {library['models']} models"), ("show_ms", "show")):
        print(f"{label:<28}{library[key]['first']:>8.1f}{library[key]['median']:>8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-library-") as name:
        folder = Path(name)
        result = {
            "pull": measure_pulls(folder, given.megabytes, given.rounds),
            "library": measure_list(folder, given.models),
        }
    if not given.json:
        print_table(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
