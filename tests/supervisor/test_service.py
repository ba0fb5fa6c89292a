"""Services over real child processes: what is restarted, what is not, and what is said about it."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port
from tests.supervisor.children import ANSWERS, FAILS, HANGS, HAS_CHILD, MISCONFIGURED, STUBBORN, is_running, script
from webui.paths import inference_status_path
from webui.supervisor.child import Child
from webui.supervisor.probe import Endpoint, is_answering
from webui.supervisor.runtime import RuntimeService
from webui.supervisor.service import Service, ServiceCannotStart, Timing
from webui.supervisor.web import WebService

QUICK = Timing(probe_interval=0.05, probe_timeout=0.2, start_poll=0.02, start_notice=5.0, slow_retry=60.0)


@pytest.fixture(autouse=True)
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARTH_DATA", str(tmp_path))
    (tmp_path / "run").mkdir()
    return tmp_path


def make_service(kind: type[Service], source: str, *, timing: Timing = QUICK) -> Service:
    port = free_port()
    return kind(script(source, port), Endpoint("/", port=port), dict(os.environ), timing=timing)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(service.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ServiceCannotStart):
            await task


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def status() -> dict[str, str]:
    return json.loads(inference_status_path().read_text())


async def test_a_failing_start_is_tried_three_times_then_shown_with_its_cause(capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(RuntimeService, FAILS)

    async with running(service):
        await until(lambda: service.failure)

    assert status() == {"state": "failed", "cause": "The shelf is empty."}
    printed = capfd.readouterr().out
    assert printed.count("runtime   | noise") == 3
    assert "ERROR: The model runtime could not start: The shelf is empty." in printed


async def test_a_failed_process_is_tried_once_each_time_it_is_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(RuntimeService, FAILS, timing=dataclasses.replace(QUICK, slow_retry=0.05))

    async with running(service):
        await until(lambda: service.failure)
        capfd.readouterr()
        seen = ""
        async with asyncio.timeout(20):
            while seen.count("could not start") < 3:
                await asyncio.sleep(0.01)
                seen += capfd.readouterr().out

    assert "starting it again in" not in seen


async def test_exit_code_3_is_not_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(RuntimeService, "import sys; print('No compiler made this library.'); sys.exit(3)")

    async with running(service):
        await until(lambda: service.failure)

    assert status() == {"state": "failed", "cause": "No compiler made this library."}
    assert capfd.readouterr().out.count("runtime   | No compiler") == 1


async def test_a_silent_failure_still_has_a_cause() -> None:
    service = make_service(RuntimeService, "import os; os._exit(3)")

    async with running(service):
        await until(lambda: service.failure)

    assert status()["cause"] == "The process ended with exit code 3 without a word."


async def test_a_program_that_is_not_there_is_a_start_failure() -> None:
    service = RuntimeService(["/nowhere/python"], Endpoint("/", port=free_port()), {}, timing=QUICK)

    async with running(service):
        await until(lambda: service.failure)

    assert status() == {"state": "failed", "cause": "/nowhere/python: No such file or directory."}


async def test_a_failed_runtime_is_started_at_once_on_request(tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    source = f"import pathlib, sys\nif not pathlib.Path({str(mended)!r}).exists(): sys.exit(3)\n{ANSWERS}"
    service = make_service(RuntimeService, source)

    async with running(service):
        await until(lambda: service.failure)
        mended.touch()
        service.retry_now()
        await until(lambda: status()["state"] == "ready")

    assert service.failure == ""


async def test_a_web_process_that_never_came_up_ends_the_service_with_its_cause() -> None:
    service = make_service(WebService, FAILS)

    async with running(service) as task:
        await asyncio.wait([task], timeout=20)

    assert str(task.exception()) == "The web process could not start: The shelf is empty."


async def test_a_malformed_setting_is_not_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(WebService, MISCONFIGURED)

    async with running(service) as task:
        await asyncio.wait([task], timeout=20)

    assert str(task.exception()) == "The web process could not start: HEARTH_DEBUG must be true or false, not 'perhaps'."
    assert capfd.readouterr().out.count("Traceback") == 1


async def test_a_web_process_that_had_been_ready_is_started_again_for_as_long_as_it_takes() -> None:
    service = make_service(WebService, ANSWERS)

    async with running(service) as task:
        await until(lambda: service.child and service.child.ready_at)
        service.command = script(FAILS)
        service.child.kill_group()
        await until(lambda: service.failure)

        assert not task.done()


@pytest.mark.parametrize("kind", [WebService, RuntimeService])
async def test_a_killed_process_comes_back(kind: type[Service], capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(kind, ANSWERS)

    async with running(service):
        await until(lambda: service.child and service.child.ready_at)
        first = service.child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: service.child.pid != first and service.child.ready_at)

        assert await is_answering(service.endpoint, timeout=1.0)
    assert f"The {service.title} was ended by SIGKILL; starting it again in 0.5 s." in capfd.readouterr().out


async def test_a_hung_process_is_killed_with_its_stack_printed_and_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    service = make_service(RuntimeService, HANGS)

    async with running(service):
        await until(lambda: service.child and service.child.ready_at)
        first = service.child.pid
        await until(lambda: service.child.pid != first and service.child.ready_at)

    printed = capfd.readouterr().out
    assert "ERROR: The model runtime no longer answers" in printed
    assert "Fatal Python error: Aborted" in printed


async def test_a_slow_start_is_neither_killed_nor_restarted(capfd: pytest.CaptureFixture[str]) -> None:
    # Longer than a hang would be given: 3 probes of 0.05 + 0.2 s.
    service = make_service(RuntimeService, "import time; time.sleep(1.5)\n" + ANSWERS, timing=QUICK)

    async with running(service):
        await until(lambda: service.child and service.child.ready_at)

    assert capfd.readouterr().out.count("answering") == 1


async def test_stopping_ends_a_process_that_ignores_sigterm() -> None:
    service = make_service(RuntimeService, STUBBORN)

    async with running(service):
        await until(lambda: service.child and service.child.ready_at)
        pid = service.child.pid
        started = asyncio.get_running_loop().time()

    assert not is_running(pid)
    assert asyncio.get_running_loop().time() - started < 5.0


async def test_grandchildren_left_by_a_killed_process_are_ended_before_the_next_start() -> None:
    service = make_service(RuntimeService, HAS_CHILD)

    async with running(service):
        await until(lambda: service.child and service.child.ready_at)
        first = service.child.pid
        [grandchild] = psutil.Process(first).children()
        os.kill(first, signal.SIGKILL)
        await until(lambda: service.child.pid != first)

        assert not is_running(grandchild.pid)


async def test_output_after_the_last_newline_is_kept() -> None:
    child = Child.start("web", script("import sys; sys.stdout.write('half a line')"), dict(os.environ))

    code = await child.wait()

    assert (code, child.output.last_line) == (0, "half a line")
