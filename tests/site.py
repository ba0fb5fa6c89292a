"""A whole Hearth in a scratch folder, started the way people start it: `manage.py serve` on free ports.

For browser tests and benchmarks; both need the processes as they are, not a test client.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
MODEL = "smollm2:135m"


def wait_until(condition: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    """Returns as soon as `condition` is true. Raises AssertionError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {timeout:.0f} s")
        time.sleep(0.02)


class Site:
    """`data` is the site's HEARTH_DATA; `log` collects what the supervisor prints."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.web_port, self.runtime_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.runtime_url = f"http://127.0.0.1:{self.runtime_port}"
        self.log = data / "serve.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "OLLAMA_", "DJANGO_"))}
        self.environment = {
            **kept,
            "HEARTH_DATA": str(data),
            "HEARTH_PORT": str(self.web_port),
            "OLLAMA_HOST": f"127.0.0.1:{self.runtime_port}",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 90.0) -> float:
        """Seconds from the start of the process to the first answer of `/health`."""
        started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_healthy, "the site", timeout)
        return time.monotonic() - started

    def is_healthy(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"the site ended by itself:\n{self.log.read_text()}")
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def is_ready(self) -> bool:
        return bool(self.is_healthy() and httpx.get(f"{self.url}/health", timeout=2).json()["runtime"] == "ready")

    def processes(self) -> dict[str, psutil.Process]:
        """The living processes by part: `supervisor`, `web`, `runtime`, and `runner` when a model is loaded."""
        if self.process is None:
            return {}
        found = {"supervisor": psutil.Process(self.process.pid)}
        for child in found["supervisor"].children(recursive=True):
            try:
                words = " ".join(child.cmdline())
            except psutil.Error:
                continue
            for part, mark in (("web", "daphne"), ("runner", "inference.runner"), ("runtime", "inference serve")):
                if mark in words:
                    found.setdefault(part, child)
        return found

    def manage(self, *arguments: str) -> str:
        """Runs a management command against this site's data; returns what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True).stdout

    def make_answers_repeatable(self) -> None:
        """From now on the starter model answers a question always alike: what is asked to be long is, and a greeting is short."""
        body = {"model": MODEL, "from": MODEL, "parameters": {"temperature": 0}, "stream": False}
        httpx.post(f"{self.runtime_url}/api/create", json=body, timeout=30).raise_for_status()

    def kill(self, part: str) -> None:
        self.processes()[part].send_signal(signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)


@contextmanager
def scratch_site(**environment: str) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="hearth-site-") as folder:
        site = Site(Path(folder), **environment)
        site.start()
        try:
            wait_until(site.is_ready, "the runtime", 60)
            yield site
        finally:
            site.stop()
