"""The whole of Hearth under its supervisor: every process is killed in turn and comes back."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.site import Site, wait_until
from tests.supervisor.children import is_running
from webui.paths import BASE_DIR

pytestmark = pytest.mark.services


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "d")
    site.data.mkdir()
    yield site
    site.stop()


def pids(site: Site) -> dict[str, int]:
    return {part: process.pid for part, process in site.processes().items()}


def test_the_second_start_does_no_work_twice(site: Site) -> None:
    site.start()
    wait_until(site.is_ready, "the runtime")
    site.stop()
    stamp = (site.data / "bootstrap.stamp").stat().st_mtime_ns
    site.log.unlink()

    site.start()
    page = httpx.get(f"{site.url}/", follow_redirects=True)

    assert "<html" in page.text
    assert "bootstrap |" not in site.log.read_text()
    assert (site.data / "bootstrap.stamp").stat().st_mtime_ns == stamp


def test_a_killed_web_process_comes_back_and_no_connection_is_refused(site: Site) -> None:
    site.start()
    wait_until(site.is_ready, "the runtime")
    before = pids(site)

    site.kill("web")
    wait_until(lambda: not is_running(before["web"]), "the end of the web process")
    answer = httpx.get(f"{site.url}/health", timeout=30)

    assert answer.json()["status"] == "ok"
    after = pids(site)
    assert after["web"] != before["web"]
    assert after["runtime"] == before["runtime"]


def test_a_killed_runtime_comes_back_under_the_same_site(site: Site) -> None:
    site.start()
    wait_until(site.is_ready, "the runtime")
    before = pids(site)

    site.kill("runtime")
    wait_until(lambda: pids(site).get("runtime") not in {None, before["runtime"]}, "a new runtime")
    wait_until(site.is_ready, "the runtime")

    assert pids(site)["web"] == before["web"]
    assert json.loads((site.data / "run" / "inference.status.json").read_text()) == {"state": "ready", "cause": ""}


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(site: Site) -> None:
    site.start()
    wait_until(site.is_ready, "the runtime")
    children = [child.pid for child in psutil.Process(site.process.pid).children(recursive=True)]

    os.kill(site.process.pid, signal.SIGKILL)
    site.process.wait(5)

    assert len(children) == 2
    wait_until(lambda: not any(map(is_running, children)), "the end of the children")
    site.start()
    wait_until(site.is_ready, "the runtime")


def test_sigterm_ends_the_whole_tree_with_code_0(site: Site) -> None:
    site.start()
    wait_until(site.is_ready, "the runtime")
    children = [child.pid for child in psutil.Process(site.process.pid).children(recursive=True)]

    site.process.terminate()

    assert site.process.wait(5) == 0
    assert not any(map(is_running, children))


def test_a_second_supervisor_on_the_same_data_is_refused(site: Site) -> None:
    site.start()
    second = Site(site.data)
    second.log = site.data / "second.log"

    with pytest.raises(AssertionError, match="Hearth is already running on"):
        second.start()


def test_a_runtime_that_cannot_start_is_told_on_the_page_of_its_health(site: Site) -> None:
    site.environment["OLLAMA_NUM_PARALLEL"] = "many"

    site.start()
    wait_until(lambda: httpx.get(f"{site.url}/health").json()["runtime"] == "failed", "the failure")

    status = json.loads((site.data / "run" / "inference.status.json").read_text())
    assert status == {"state": "failed", "cause": "OLLAMA_NUM_PARALLEL must be a whole number, not 'many'."}


def health_check(site: Site) -> int:
    command = [sys.executable, "-m", "webui.supervisor.health"]
    return subprocess.run(command, cwd=BASE_DIR, env=site.environment, timeout=30, check=False).returncode


def test_the_container_health_check_tells_a_running_site_from_none(site: Site) -> None:
    before = health_check(site)
    site.start()

    assert (before, health_check(site)) == (1, 0)
