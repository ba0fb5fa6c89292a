"""A real `python -m inference serve` in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
MODEL = "smollm2:135m"
TIMEOUT_S = 60


def until(condition: Callable[[], Any], seconds: float = TIMEOUT_S) -> Any:
    """Waits for the condition to hold and returns what it gave."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)
    return result


class Service:
    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("HEARTH_", "OLLAMA_"))}
        self.environ = {**environ, "HEARTH_DATA": str(data), "OLLAMA_HOST": f"127.0.0.1:{self.port}", **variables}
        self.log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Service":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "inference", "serve"], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        until(self._answers)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/").status_code == 200
        return False

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def socket_path(self) -> Path:
        return self.data / "run" / "inference.sock"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=TIMEOUT_S)

    def runners(self) -> list[psutil.Process]:
        """Processes that are to become one are none yet: a process that is stopped before it runs its own program stops the one
        that starts it."""
        return [child for child in psutil.Process(self.process.pid).children(recursive=True) if _is_runner(child)]

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        with self.client() as client:
            return client.post(path, json=body, **options)


#: An answer that goes on until it is stopped: the model counts.
ENDLESS: list[dict[str, str]] = [
    {"role": "user", "content": "Count."},
    {"role": "assistant", "content": "1, 2, 3, 4, 5, 6, 7, 8,"},
]


def endless_body(**changes: Any) -> dict[str, Any]:
    options = {"temperature": 0, "num_predict": 900, "loop_guard": False}
    return {"model": MODEL, "messages": ENDLESS, "options": options, **changes}


def chat_body(text: str = "Say hello.", **changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **changes}


def lines_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        yield json.loads(line)


def first_text(lines: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Reads on to the first line that carries text."""
    return next(line for line in lines if line.get("message", {}).get("content"))


def contents(lines: list[dict[str, Any]]) -> str:
    return "".join(line["message"]["content"] for line in lines if "message" in line)


def _is_runner(process: psutil.Process) -> bool:
    try:
        return "inference.runner" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
