"""The programs compared: llama-server and Hearth's runtime, started in turn on the same GGUF with the same settings."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.load import Target
from inference.library.starter import find_starter_file
from tests.ports import free_port
from tests.site import ROOT, wait_until

STARTER = find_starter_file()


@dataclass(frozen=True)
class Settings:
    """`context` is of one slot, in tokens."""

    slots: int
    context: int
    threads: int


@dataclass(frozen=True)
class Running:
    target: Target
    process: subprocess.Popen[bytes]

    def model_memory(self) -> int:
        """Resident bytes of the process that holds the model."""
        candidates = [psutil.Process(self.process.pid)]
        candidates += candidates[0].children(recursive=True)
        return max(int(process.memory_info().rss) for process in candidates)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def llama_server(binary: Path, settings: Settings) -> Iterator[Running]:
    port = free_port()
    command = [
        str(binary), "-m", str(STARTER), "--host", "127.0.0.1", "--port", str(port),
        "-c", str(settings.context * settings.slots), "-np", str(settings.slots),
        "-t", str(settings.threads), "-tb", str(settings.threads),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(f"{url}/health"), "llama-server", 60)
        yield Running(Target(url, "smollm2", "openai"), process)
    finally:
        _stop(process)


@contextmanager
def hearth(settings: Settings, data: Path | None = None, **environment: str) -> Iterator[Running]:
    """With `data`, the folder is kept: the next start finds what this one left there."""
    port = free_port()
    folder = data or Path(tempfile.mkdtemp(prefix="hearth-bench-"))
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("HEARTH_", "OLLAMA_"))},
        "HEARTH_DATA": str(folder),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_NUM_PARALLEL": str(settings.slots),
        "OLLAMA_CONTEXT_LENGTH": str(settings.context),
        "OLLAMA_KEEP_ALIVE": "-1",
        **environment,
    }
    command = [sys.executable, "-m", "inference", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), "Hearth's runtime", 60)
        httpx.post(f"{url}/api/chat", json={"model": "smollm2:135m"}, timeout=60).raise_for_status()
        yield Running(Target(url, "smollm2:135m", "ollama"), process)
    finally:
        _stop(process)
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
