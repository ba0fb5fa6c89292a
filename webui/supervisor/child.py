"""One running operating-system process: started, read, waited for, stopped. It knows nothing of restarts."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from webui.supervisor.output import Output

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 4.0
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _tie_to_supervisor(supervisor: int) -> None:
    """Runs in the child before exec: the kernel kills it when the supervisor dies, however that dies."""
    assert _libc is not None
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os.kill(os.getpid(), signal.SIGKILL)


class Child:
    """A process in a session of its own, so that Ctrl-C reaches only the supervisor and its group can be ended whole."""

    def __init__(self, name: str, popen: "subprocess.Popen[bytes]") -> None:
        self.output = Output(name)
        self.started_at = time.monotonic()
        self.ready_at: float | None = None
        self._popen = popen
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    def start(cls, name: str, command: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int] = ()) -> "Child":
        """Start the process with its output on a pipe. Raises OSError when the program cannot be run."""
        supervisor = os.getpid()
        popen = subprocess.Popen(  # noqa: S603
            command,
            env={**env, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=(lambda: _tie_to_supervisor(supervisor)) if _libc else None,
        )
        child = cls(name, popen)
        child._reading = asyncio.create_task(child._read())
        return child

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def ready_for(self) -> float | None:
        """Seconds since it became ready; None when it never did."""
        return None if self.ready_at is None else time.monotonic() - self.ready_at

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        assert self._popen.stdout is not None
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._popen.stdout)
        try:
            while data := await reader.read(65536):
                self.output.feed(data)
        finally:
            self.output.close()
            transport.close()

    async def wait(self) -> int:
        """The exit code, negative for a signal, once the process has ended and its last words are read."""
        await self._wait_exit()
        if self._reading:
            # A grandchild may hold the pipe open for longer than its parent lived.
            await asyncio.wait([self._reading], timeout=1.0)
        return self._popen.wait()

    async def _wait_exit(self) -> None:
        if sys.platform != "linux":
            await asyncio.to_thread(self._popen.wait)
            return
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(self.pid)
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def stop(self, grace: float = STOP_SECONDS) -> None:
        """End the process and its whole group: SIGTERM, and SIGKILL for what is left after `grace` seconds."""
        try:
            if self._popen.poll() is None:
                self._popen.terminate()
                async with asyncio.timeout(grace):
                    await self._wait_exit()
        except TimeoutError:
            pass
        finally:
            self.kill_group()
            self._popen.wait()
            if self._reading:
                self._reading.cancel()

    async def kill_hung(self) -> None:
        """End a process that no longer answers; SIGABRT first, so that it writes where each of its threads stands."""
        self._popen.send_signal(signal.SIGABRT)
        try:
            async with asyncio.timeout(1.0):
                await self._wait_exit()
        except TimeoutError:
            self.kill_group()

    def kill_group(self) -> None:
        """SIGKILL the process and whatever it started and left in its group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
