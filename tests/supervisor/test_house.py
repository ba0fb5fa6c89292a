"""The supervisor as a process: how it ends, and that nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.supervisor.children import is_running, read_text, wait_until
from webui.paths import BASE_DIR

House = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "house.log"


@pytest.fixture
def start_house(tmp_path: Path, log: Path) -> Iterator[House]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*sources: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            command = [sys.executable, "-m", "tests.supervisor.scripted_house", *sources]
            env = {**os.environ, "HEARTH_DATA": str(tmp_path)}
            started.append(subprocess.Popen(command, cwd=BASE_DIR, env=env, stdout=output, stderr=output))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def descendants(process: "subprocess.Popen[bytes]") -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_five_seconds(number: signal.Signals, start_house: House, log: Path) -> None:
    house = start_house("ANSWERS", "STUBBORN")
    wait_until(lambda: "hearth    | ready" in read_text(log))
    pids = descendants(house)

    started = time.monotonic()
    house.send_signal(number)
    code = house.wait(10)

    assert code == 0
    assert time.monotonic() - started < 5.0
    assert len(pids) == 2
    assert not any(map(is_running, pids))
    assert "hearth    | Stopping." in read_text(log)


def test_no_process_outlives_a_killed_supervisor(start_house: House, log: Path) -> None:
    house = start_house("STUBBORN", "ANSWERS")
    wait_until(lambda: "hearth    | ready" in read_text(log))
    pids = descendants(house)

    house.kill()

    assert len(pids) == 2
    wait_until(lambda: not any(map(is_running, pids)))


def test_a_signal_during_the_start_ends_everything(start_house: House, log: Path) -> None:
    house = start_house("HANGS", "SLEEPS", "SLEEPS")
    wait_until(lambda: len(descendants(house)) == 2)
    pids = descendants(house)

    house.terminate()

    assert house.wait(10) == 0
    assert not any(map(is_running, pids))


def test_a_web_process_that_cannot_start_ends_the_house_with_its_cause(start_house: House, log: Path) -> None:
    house = start_house("FAILS", "ANSWERS")

    code = house.wait(20)

    assert code == 1
    assert read_text(log).splitlines()[-1] == "hearth    | ERROR: The web process could not start: The shelf is empty."


def test_a_failed_preparation_ends_the_house_before_the_web_process_starts(start_house: House, log: Path) -> None:
    house = start_house("ANSWERS", "ANSWERS", "FAILS")

    code = house.wait(20)

    assert code == 1
    assert "web       |" not in read_text(log)
    assert "hearth    | ERROR: The shelf is empty." in read_text(log)


def test_a_runtime_that_cannot_start_leaves_the_site_up_and_is_retried_on_sighup(
    start_house: House, log: Path, tmp_path: Path
) -> None:
    house = start_house("ANSWERS", "FAILS")
    wait_until(lambda: "hearth    | ready (without its model runtime, which could not start)" in read_text(log))

    house.send_signal(signal.SIGHUP)

    wait_until(lambda: read_text(log).count("runtime   | WARNING package.name: the shelf is empty.") == 4)
    assert house.poll() is None
    assert json.loads((tmp_path / "run" / "inference.status.json").read_text()) == {
        "state": "failed",
        "cause": "The shelf is empty.",
    }
