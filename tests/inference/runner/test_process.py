"""A runner's life: how it starts, what it does when either end goes away or talks nonsense."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest

from inference.errors import InvalidRequest, ModelLoadFailed, PayloadTooLarge, RunnerCrashed
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    MAX_FRAME_BYTES,
    FromRunner,
    OutputDelta,
    RequestFinished,
    RequestStats,
    RunnerReady,
    decode_from_runner,
    encode_frame,
)
from tests.inference.runner.asking import ENDLESS, ask, text

pytestmark = pytest.mark.model

PROJECT = Path(__file__).parents[3]


async def first_token(runner: RunnerClient, request_id: str) -> tuple[AsyncIterator, OutputDelta]:
    stream = runner.submit(text(request_id, "one two three", sampling=ENDLESS, max_tokens=None))
    async for event in stream:
        if isinstance(event, OutputDelta):
            return stream, event
    raise AssertionError("no token came")


def wait_until_gone(pid: int) -> None:
    """It is no child of this process: whoever inherits it reaps it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=20)


def permissions(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def exists(path: str) -> bool:
    return Path(path).exists()


@contextlib.asynccontextmanager
async def bare_runner(config: RunnerConfig) -> AsyncIterator[tuple[asyncio.subprocess.Process, socket.socket]]:
    """The process and a connection to it, without the client."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inference.runner", cwd=PROJECT, stdin=-1, stdout=-1, stderr=asyncio.subprocess.DEVNULL
    )
    connection = socket.socket(socket.AF_UNIX)
    try:
        process.stdin.write(msgspec.json.encode(config))
        process.stdin.close()
        assert await process.stdout.readline() == b"listening\n"
        connection.connect(config.socket_path)
        yield process, connection
    finally:
        connection.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def receive(connection: socket.socket, kind: type[FromRunner]) -> FromRunner:
    """The next message of this kind."""

    def read(size: int) -> bytes:
        data = connection.recv(size, socket.MSG_WAITALL)
        assert len(data) == size, "the runner closed the connection"
        return data

    while True:
        body = await asyncio.to_thread(lambda: read(int.from_bytes(read(4), "big")))
        message = decode_from_runner(body)
        if isinstance(message, kind):
            return message


async def test_start_reports_progress_and_sizes(config: RunnerConfig, model_path: Path) -> None:
    fractions: list[float] = []
    with model_path.open("rb") as file:
        file_bytes = file.seek(0, os.SEEK_END)

    runner = await RunnerClient.start(config, on_progress=fractions.append, timeout=60)
    await runner.close()

    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert (runner.ready.num_ctx, runner.ready.num_slots, runner.ready.num_ctx_train) == (512, 2, 8192)
    assert 0.9 < runner.ready.model_bytes / file_bytes < 1.0
    assert runner.ready.has_chat_template


async def test_start_socket_is_for_this_user_only_and_removed_once_used(config: RunnerConfig) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inference.runner", cwd=PROJECT, stdin=-1, stdout=-1, stderr=asyncio.subprocess.DEVNULL
    )
    process.stdin.write(msgspec.json.encode(config))
    process.stdin.close()
    await process.stdout.readline()
    mode = permissions(config.socket_path)

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(config.socket_path)
        await receive(connection, RunnerReady)
        is_there = exists(config.socket_path)
    await process.wait()

    assert (mode, is_there) == (0o600, False)


async def test_start_context_is_no_longer_than_the_model_was_trained_for(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(msgspec.structs.replace(config, num_ctx=100_000, num_slots=1), timeout=60)
    await runner.close()

    assert runner.ready.num_ctx == 8192


async def test_start_cancelled_leaves_no_process(config: RunnerConfig) -> None:
    before = set(psutil.Process().children(recursive=True))
    starting = asyncio.create_task(RunnerClient.start(config, on_progress=lambda _fraction: starting.cancel(), timeout=60))

    with pytest.raises(asyncio.CancelledError):
        await starting

    assert set(psutil.Process().children(recursive=True)) <= before


async def test_start_too_slow_is_a_load_failure(config: RunnerConfig) -> None:
    with pytest.raises(ModelLoadFailed, match=r"0\.01 seconds"):
        await RunnerClient.start(config, timeout=0.01)


async def test_start_socket_path_too_long_says_so(config: RunnerConfig, tmp_path: Path) -> None:
    long = msgspec.structs.replace(config, socket_path=str(tmp_path / ("x" * 120)))

    with pytest.raises(ModelLoadFailed, match="too long"):
        await RunnerClient.start(long, timeout=60)


async def test_start_impossible_configuration_says_so(config: RunnerConfig) -> None:
    with pytest.raises(ModelLoadFailed, match="num_slots"):
        await RunnerClient.start(msgspec.structs.replace(config, num_slots=0), timeout=60)


async def test_abort_ends_the_request_with_what_there_is(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    await runner.abort("a")
    rest = [event async for event in stream]

    assert isinstance(rest[-1], RequestFinished)
    assert rest[-1].finish_reason == "abort"
    # The step that was being computed, and perhaps one more.
    assert sum(event.num_tokens for event in rest if isinstance(event, OutputDelta)) <= rest[-1].stats.num_completion_tokens


async def test_request_that_is_left_tells_what_was_computed_for_it(runner: RunnerClient) -> None:
    told: list[RequestStats | None] = []
    heard = asyncio.Event()

    def aborted(stats: RequestStats | None) -> None:
        told.append(stats)
        heard.set()

    endless = text("a", "one two three", sampling=ENDLESS, max_tokens=None)
    stream = runner.submit(endless, on_aborted=aborted)
    async for event in stream:
        if isinstance(event, OutputDelta):
            break
    await stream.aclose()
    async with asyncio.timeout(60):
        await heard.wait()
    # Two steps later there is still but one word of it.
    await runner.ping(timeout=60)
    whole = await ask(runner, text("b", "one two three", max_tokens=1))

    (stats,) = told
    assert stats is not None and stats.num_completion_tokens >= event.num_tokens
    assert stats.num_prompt_tokens == whole.end.stats.num_prompt_tokens


async def test_request_that_is_left_with_its_end_unread_tells_it(runner: RunnerClient) -> None:
    """Its end has come and lies in the mailbox: the runner says nothing more of it."""
    told: list[RequestStats | None] = []
    stream = runner.submit(text("a", "one two three", sampling=ENDLESS, max_tokens=2), on_aborted=told.append)
    first = await anext(stream)
    await ask(runner, text("b", "one", max_tokens=1))
    async with asyncio.timeout(60):
        while runner._mailboxes["a"].end is None:
            await runner.ping(timeout=60)

    await stream.aclose()

    assert isinstance(first, OutputDelta) and [stats and stats.num_completion_tokens for stats in told] == [2]


async def test_requests_that_are_left_when_the_process_ends_are_settled(runner: RunnerClient) -> None:
    told: list[RequestStats | None] = []
    stream = runner.submit(text("a", "one two three", sampling=ENDLESS, max_tokens=None), on_aborted=told.append)
    await anext(stream)

    await runner.kill("It was killed.")
    await runner.exited.wait()
    with contextlib.suppress(RunnerCrashed):
        await stream.aclose()

    assert told == [None]


async def test_abort_by_closing_the_iterator_frees_the_slot(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    await stream.aclose()
    pong = await runner.ping(timeout=30)

    # The abort went before the ping and is honoured at the step after it at the latest.
    assert pong.num_running <= 1
    answer = await ask(runner, text("b", "one", max_tokens=1))
    assert answer.end.stats.num_completion_tokens == 1
    assert (await runner.ping(timeout=30)).num_running == 0


async def test_abort_by_cancelling_the_reader_frees_the_slot(runner: RunnerClient) -> None:
    started = asyncio.Event()

    async def read() -> None:
        async for _event in runner.submit(text("a", "one two three", sampling=ENDLESS, max_tokens=None)):
            started.set()

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await ask(runner, text("b", "one", max_tokens=1))
    assert (await runner.ping(timeout=30)).num_running == 0


async def test_submit_same_id_twice_is_refused(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    with pytest.raises(InvalidRequest, match="a"):
        await ask(runner, text("a", "one"))

    await stream.aclose()


async def test_request_longer_than_a_frame_is_refused_and_ends_nobody_elses_answer(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    with pytest.raises(PayloadTooLarge, match=r"too large.*67 MB"):
        await ask(runner, text("b", "x" * MAX_FRAME_BYTES))

    assert isinstance(await anext(stream), OutputDelta)
    await stream.aclose()
    assert (await ask(runner, text("b", "one", max_tokens=1))).end.finish_reason == "length"


async def test_killed_in_mid_answer_every_open_request_hears_of_it(runner: RunnerClient) -> None:
    streams = [(await first_token(runner, name))[0] for name in ("a", "b")]
    waiting = asyncio.create_task(ask(runner, text("c", "one two three", sampling=ENDLESS)))
    await runner.ping(timeout=30)

    os.kill(runner.pid, signal.SIGKILL)

    for stream in streams:
        with pytest.raises(RunnerCrashed, match="SIGKILL"):
            async for _event in stream:
                pass
    with pytest.raises(RunnerCrashed):
        await waiting
    assert runner.exited.is_set() and not runner.is_alive
    with pytest.raises(RunnerCrashed):
        await ask(runner, text("d", "one"))
    with pytest.raises(RunnerCrashed):
        await runner.ping()


async def test_killed_by_a_signal_without_a_name_open_requests_hear_of_it(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    os.kill(runner.pid, 40)

    with pytest.raises(RunnerCrashed, match="signal 40"):
        async with asyncio.timeout(20):
            async for _event in stream:
                pass


async def test_close_ends_open_requests_and_the_process(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(config, timeout=60)
    stream, _event = await first_token(runner, "a")

    await runner.close(timeout=30)
    rest = [event async for event in stream]

    assert isinstance(rest[-1], RequestFinished) and rest[-1].finish_reason == "abort"
    assert not psutil.pid_exists(runner.pid)
    await runner.close()


async def test_terminated_ends_open_requests_first(runner: RunnerClient) -> None:
    stream, _event = await first_token(runner, "a")

    os.kill(runner.pid, signal.SIGTERM)
    rest = [event async for event in stream]
    async with asyncio.timeout(20):
        await runner.exited.wait()

    assert isinstance(rest[-1], RequestFinished) and rest[-1].finish_reason == "abort"


async def test_hung_process_is_killed_on_close(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(config, timeout=60)
    os.kill(runner.pid, signal.SIGSTOP)

    async with asyncio.timeout(20):
        await runner.close(timeout=0.2)

    assert not psutil.pid_exists(runner.pid)


@pytest.mark.parametrize(
    "garbage",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"\x00\x00\x00\x00", encode_frame(OutputDelta("a", "b", 1))],
    ids=["length", "body", "empty", "wrong direction"],
)
async def test_garbage_from_the_client_ends_the_runner(config: RunnerConfig, garbage: bytes) -> None:
    async with bare_runner(config) as (process, connection):
        await receive(connection, RunnerReady)
        connection.sendall(garbage)

        async with asyncio.timeout(20):
            assert await process.wait() == 3


async def test_client_gone_in_mid_answer_ends_the_runner(config: RunnerConfig) -> None:
    async with bare_runner(config) as (process, connection):
        await receive(connection, RunnerReady)
        connection.sendall(encode_frame(text("a", "one two three", sampling=ENDLESS, max_tokens=None)))
        await receive(connection, OutputDelta)
        connection.close()

        async with asyncio.timeout(20):
            assert await process.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the runner looks for its parent once a second")
async def test_parent_killed_ends_the_runner(config: RunnerConfig) -> None:
    code = (
        "import asyncio, sys, msgspec\n"
        "from inference.runner.client import RunnerClient\n"
        "from inference.runner.config import RunnerConfig\n"
        "async def main():\n"
        "    config = msgspec.json.decode(sys.stdin.buffer.readline(), type=RunnerConfig)\n"
        "    runner = await RunnerClient.start(config)\n"
        "    print(runner.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=PROJECT, stdin=-1, stdout=-1, stderr=asyncio.subprocess.DEVNULL
    )
    parent.stdin.write(msgspec.json.encode(config) + b"\n")
    pid = int(await parent.stdout.readline())

    parent.kill()
    await parent.wait()

    await asyncio.to_thread(wait_until_gone, pid)
