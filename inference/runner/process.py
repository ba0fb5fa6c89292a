"""The child process behind a `RunnerClient`."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from pathlib import Path

import msgspec

from inference.errors import ModelLoadFailed
from inference.runner.config import RunnerConfig
from inference.runner.frame_connection import FrameConnection

logger = logging.getLogger(__name__)

_PROJECT = Path(__file__).resolve().parents[2]
#: `sun_path` of the smallest platform (macOS), less the terminating zero.
_MAX_SOCKET_PATH_BYTES = 103
_KILL_SECONDS = 2.0
#: ggml's assertions begin with the place in its sources, on the machine that compiled it.
_SOURCE_FOLDER = re.compile(r"^\S*/(?=[\w.-]+:\d+: )")


class RunnerProcess:
    """`python -m inference.runner` and the log lines that it writes."""

    def __init__(self, process: asyncio.subprocess.Process, socket_path: str) -> None:
        """Use `start`."""
        self._process = process
        self._socket_path = socket_path
        self._last_line = ""
        self._logging = asyncio.create_task(self._log_lines(), name=f"runner-log-{process.pid}")

    @classmethod
    async def start(cls, config: RunnerConfig) -> "RunnerProcess":
        """Raises `ModelLoadFailed`. The process is there when this returns, its socket when `connect` does."""
        config = _with_absolute_paths(config)
        if len(os.fsencode(config.socket_path)) > _MAX_SOCKET_PATH_BYTES:
            raise ModelLoadFailed(f"The data folder's path is too long for a socket: {config.socket_path}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "inference.runner", cwd=_PROJECT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            # An assertion of ggml's would start a debugger, whose last words would stand where the cause should.
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},
        )  # fmt: skip
        runner = cls(process, config.socket_path)
        assert process.stdin is not None, "it was asked for"
        # Small enough for the pipe's buffer: no wait in which the process could be lost.
        process.stdin.write(msgspec.json.encode(config))
        process.stdin.close()
        return runner

    @property
    def pid(self) -> int:
        return self._process.pid

    async def connect(self) -> FrameConnection:
        """Raises `ModelLoadFailed` when the process ends instead."""
        assert self._process.stdout is not None, "it was asked for"
        if await self._process.stdout.readline() != b"listening\n":
            await self.end(_KILL_SECONDS)
            raise ModelLoadFailed(f"The model's process could not start: {self.describe_end()}.")
        _transport, connection = await asyncio.get_running_loop().create_unix_connection(FrameConnection, self._socket_path)
        return connection

    async def end(self, seconds: float) -> None:
        """Waits for the process to end by itself, then for SIGTERM to end it, then kills it. Leaves no process, even
        when it is cancelled."""
        try:
            if not await self._has_ended(seconds):
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
                await self._has_ended(seconds)
        finally:
            await self.kill()

    async def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.shield(self._reap())

    def describe_end(self) -> str:
        """How it ended and the last thing it logged, as part of a sentence."""
        code = self._process.returncode
        if code is None:
            return "it does not answer"
        if code < 0:
            how = f"it was ended by {_signal_name(-code)}"
        else:
            how = f"it ended with code {code}"
        return f"{how} ({self._last_line})" if self._last_line and code != 0 else how

    async def _has_ended(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        return self._process.returncode is not None

    async def _reap(self) -> None:
        await self._process.wait()
        await asyncio.wait([self._logging])
        # The runner has removed it, unless it was ended before anyone connected.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._socket_path)  # noqa: PTH108

    async def _log_lines(self) -> None:
        """One log line for each of the process's."""
        assert self._process.stderr is not None, "it was asked for"
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:
                # Longer than the reader's limit; its beginning was thrown away.
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            level, _, rest = text.partition(" ")
            number = logging.getLevelNamesMapping().get(level)
            self._last_line = _SOURCE_FOLDER.sub("", text if number is None else rest)
            logger.log(logging.WARNING if number is None else number, "runner %d: %s", self.pid, self._last_line)


def _signal_name(number: int) -> str:
    """Most of the real-time signals have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_absolute_paths(config: RunnerConfig) -> RunnerConfig:
    """The process runs in another working directory."""
    return msgspec.structs.replace(
        config,
        socket_path=str(Path(config.socket_path).absolute()),
        model_path=str(Path(config.model_path).absolute()),
        projector_path=str(Path(config.projector_path).absolute()) if config.projector_path else "",
    )
