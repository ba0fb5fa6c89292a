"""The runtime, started for a check with the settings of that check, and short ways to ask it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "On day {day} the harbour master wrote down {ships} ships, their cargo and the names of their captains. "
_STARTS_WITHIN_S = 120.0


def story(num_tokens: int, first_day: int = 1) -> str:
    """About so many tokens: a sentence has some 24."""
    return "".join(SENTENCE.format(day=day, ships=day * 7 % 40) for day in range(first_day, first_day + num_tokens // 24))


@dataclass(frozen=True)
class Answer:
    """Times in seconds; `logprobs` are pairs of token and logarithm, and `top` those of the first token."""

    text: str
    num_tokens: int
    cached_tokens: int
    prompt_tokens: int
    load: float
    prefill: float
    decode: float
    wall: float
    top: dict[str, float]

    @property
    def decode_rate(self) -> float:
        return (self.num_tokens - 1) / self.decode if self.decode else 0.0

    @property
    def prefill_rate(self) -> float:
        return (self.prompt_tokens - self.cached_tokens) / self.prefill if self.prefill else 0.0


class Service:
    """Use `service`."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.url = url
        self.process = process
        self._log = log

    def post(self, path: str, body: dict[str, Any], timeout: float = 300) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=timeout)

    def get(self, path: str) -> Any:
        response = httpx.get(f"{self.url}{path}", timeout=60)
        response.raise_for_status()
        return response.json() if response.headers["content-type"].startswith("application/json") else response.text

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def loaded(self) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = self.get("/api/ps")["models"]
        return models

    def generate(self, model: str, prompt: str, num_predict: int = 32, *, logprobs: bool = True, **options: Any) -> Answer:
        """The likeliest text, word by word; raises `AssertionError` with the server's words. Logarithms cost the host as much as
        a GPU takes for a token."""
        body = {
            "model": model, "prompt": prompt, "raw": True, "stream": False, "logprobs": logprobs, "top_logprobs": 10 * logprobs,
            "options": {"temperature": 0, "num_predict": num_predict, "ignore_eos": True, "loop_guard": False, **options},
        }  # fmt: skip
        started = time.perf_counter()
        response = self.post("/api/generate", body)
        wall = time.perf_counter() - started
        assert response.status_code == 200, response.text
        told = response.json()
        return Answer(
            text=told["response"],
            num_tokens=told["eval_count"],
            cached_tokens=told.get("hearth", {}).get("cached_tokens", 0),
            prompt_tokens=told["prompt_eval_count"],
            load=told["load_duration"] / 1e9,
            prefill=told["prompt_eval_duration"] / 1e9,
            decode=told["eval_duration"] / 1e9,
            wall=wall,
            top={entry["token"]: entry["logprob"] for entry in told["logprobs"][0]["top_logprobs"]} if logprobs else {},
        )

    def job(self, kind: str, timeout: float = 240, **request: Any) -> dict[str, Any]:
        """Submits one and waits for its result."""
        response = self.post("/api/hearth/jobs", {"kind": kind, **request})
        assert response.status_code in (200, 201, 202), response.text
        job: dict[str, Any] = response.json()
        deadline = time.monotonic() + timeout
        while job["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, f"{kind} has not ended: {job}"
            time.sleep(0.5)
            job = self.get(f"/api/hearth/jobs/{job['id']}")
        assert job["status"] == "succeeded", job
        result: dict[str, Any] = job["result"]
        return result

    def metric(self, name: str) -> list[float]:
        """Its values, whatever their labels."""
        return [float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.MULTILINE)]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def service(models: Path, data: Path | None = None, **environment: str) -> Iterator[Service]:
    """The GGUF files in `models` are its models. With `data`, the folder is kept."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hearth-gpu-") as scratch:
        folder = data or Path(scratch) / "data"
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "OLLAMA_"))},
            "HEARTH_DATA": str(folder), "HEARTH_IMPORT": str(models), "OLLAMA_HOST": f"127.0.0.1:{port}",
            "OLLAMA_KEEP_ALIVE": "-1", **environment,
        }  # fmt: skip
        log = Path(scratch) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "inference", "serve"], cwd=ROOT, env=variables, stdout=output, stderr=output
            )
        running = Service(f"http://127.0.0.1:{port}", process, log)
        try:
            _wait_until_ready(running)
            yield running
        except BaseException:
            print(json.dumps(running.log()[-3000:]), file=sys.stderr)
            raise
        finally:
            running.stop()


def _wait_until_ready(running: Service) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            if httpx.get(running.url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert running.process.poll() is None and time.monotonic() < deadline, running.log()
        time.sleep(0.05)
