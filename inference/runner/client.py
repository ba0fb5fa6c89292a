"""Starts a runner process and talks to it. For one asyncio loop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

import msgspec

from inference.errors import InvalidRequest, LoadLacksMemory, ModelLoadFailed, RunnerCrashed, error_from_code
from inference.runner.config import RunnerConfig
from inference.runner.frame_connection import FrameConnection
from inference.runner.mailbox import Event, Mailbox, is_end
from inference.runner.messages import (
    Abort,
    Embeddings,
    Forget,
    FromRunner,
    LoadFailed,
    LoadProgress,
    OutputDelta,
    Ping,
    Pong,
    PromptProgress,
    PromptRendered,
    RequestFailed,
    RequestFinished,
    RequestStats,
    RunnerReady,
    Shutdown,
    Submission,
    Tokens,
)
from inference.runner.process import RunnerProcess

#: How ggml ends a process where a GPU refuses something: while a model is loaded that is memory, nearly always.
_GAVE_UP = "SIGABRT"

logger = logging.getLogger(__name__)

Output = PromptProgress | PromptRendered | OutputDelta | RequestFinished | Embeddings | Tokens
#: Hears what had been computed for a request; None where that is not known.
OnAborted = Callable[[RequestStats | None], None]

_EXIT_SECONDS = 5.0
#: Of the time until SIGTERM, what a runner may use for saving states; there is as much again until SIGKILL.
_SAVING_SHARE = 1.4


class RunnerClient:
    """One runner process with one loaded model. When the process ends, for whatever reason, every open request raises
    `RunnerCrashed` and `exited` is set."""

    ready: RunnerReady

    def __init__(self, process: RunnerProcess, connection: FrameConnection) -> None:
        """Use `start`."""
        self._process = process
        self._connection = connection
        self._mailboxes: dict[str, Mailbox] = {}
        #: Of requests that nobody reads any more, until the runner says that they have ended.
        self._leaving: dict[str, OnAborted] = {}
        self._pongs: dict[int, asyncio.Future[Pong]] = {}
        self._num_pings = 0
        self._is_closing = False
        #: Why it was ended, if it was.
        self._reason = ""
        self._receiving: asyncio.Task[None] | None = None
        self.exited = asyncio.Event()

    @classmethod
    async def start(
        cls,
        config: RunnerConfig,
        *,
        on_progress: Callable[[float], None] | None = None,
        timeout: float = 300.0,  # noqa: ASYNC109
    ) -> "RunnerClient":
        """Starts the process and waits until the model is loaded, at most `timeout` seconds without any progress.
        `on_progress` hears fractions. Raises `ModelLoadFailed` with the cause. Cancelled or failed, it leaves no process
        behind."""
        process: RunnerProcess | None = None
        client: RunnerClient | None = None
        try:
            async with asyncio.timeout(timeout) as deadline:
                process = await RunnerProcess.start(config)
                client = cls(process, await process.connect())

                def progressed(fraction: float) -> None:
                    deadline.reschedule(asyncio.get_running_loop().time() + timeout)
                    if on_progress is not None:
                        on_progress(fraction)

                client.ready = await client._wait_until_ready(progressed)
        except BaseException as error:
            if client is not None:
                client._connection.close()
            if process is not None:
                await process.kill()
            if isinstance(error, TimeoutError):
                raise ModelLoadFailed(f"Loading the model made no progress for {timeout:g} seconds.") from error
            if isinstance(error, OSError | msgspec.DecodeError):
                raise ModelLoadFailed(f"The model's process could not be reached: {error}.") from error
            raise
        client._receiving = asyncio.create_task(client._receive(), name=f"runner-{process.pid}")
        return client

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it takes requests."""
        return not self._is_closing and not self.exited.is_set()

    async def submit(
        self,
        submit: Submission,
        *,
        on_output: Callable[[OutputDelta], None] | None = None,
        on_aborted: OnAborted | None = None,
    ) -> AsyncGenerator[Output]:
        """Yields what the request brings, but for deltas that `on_output` has taken (see `Mailbox`); the last is
        `RequestFinished`, `Embeddings` or `Tokens`. Raises the `InferenceError` of a request that failed, `RunnerCrashed` when
        the process ends. Closing or cancelling the iterator aborts the request; `on_aborted` then hears once, perhaps only
        after the step that is being computed, what had been done for it."""
        if not self.is_alive:
            raise RunnerCrashed(self._crash_message())
        if submit.request_id in self._mailboxes or submit.request_id in self._leaving:
            raise InvalidRequest(f"A request with the id {submit.request_id} is already open.")
        mailbox = self._mailboxes[submit.request_id] = Mailbox(on_output)
        is_over = True
        try:
            self._connection.send(submit)
            is_over = False
            await self._connection.drain()
            while not is_over:
                event = await mailbox.get()
                is_over = is_end(event)
                if isinstance(event, RequestFailed):
                    raise error_from_code(event.code, event.message)
                yield event
        finally:
            if self._mailboxes.get(submit.request_id) is mailbox:
                del self._mailboxes[submit.request_id]
            if not is_over:
                self._leave(submit.request_id, mailbox, on_aborted or _nobody_asks)

    def _leave(self, request_id: str, mailbox: Mailbox, on_aborted: OnAborted) -> None:
        if (end := mailbox.end) is not None:
            on_aborted(_stats_of(end))
        elif self.exited.is_set():
            on_aborted(None)
        else:
            self._leaving[request_id] = on_aborted
            self._connection.send(Abort(request_id))

    async def abort(self, request_id: str) -> None:
        """The request's iterator ends with `RequestFinished(finish_reason="abort")` after the step that is being computed.
        An unknown or ended request is no error."""
        self._connection.send(Abort(request_id))
        await self._connection.drain()

    async def forget(self, scope: str) -> None:
        """Nothing that was computed for this scope, or one below it, is kept."""
        self._connection.send(Forget(scope))
        await self._connection.drain()

    async def ping(self, timeout: float = 10.0) -> Pong:  # noqa: ASYNC109
        """Answered by the decode thread between two steps, so it shows that the runner computes. Raises `TimeoutError`,
        or `RunnerCrashed` when the process has ended."""
        if not self.is_alive:
            raise RunnerCrashed(self._crash_message())
        self._num_pings += 1
        nonce = self._num_pings
        future: asyncio.Future[Pong] = asyncio.get_running_loop().create_future()
        self._pongs[nonce] = future
        try:
            self._connection.send(Ping(nonce))
            async with asyncio.timeout(timeout):
                return await future
        finally:
            del self._pongs[nonce]

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Ends the process: asks, after `timeout` seconds sends SIGTERM, and after as many more SIGKILL. Open requests get
        `RequestFinished(finish_reason="abort")`, or `RunnerCrashed` when it had to be killed. May be called again."""
        self._is_closing = True
        self._connection.send(Shutdown(seconds=_SAVING_SHARE * timeout))
        try:
            await self._process.end(timeout)
        finally:
            if self._receiving is not None:
                await asyncio.wait([self._receiving])

    async def kill(self, reason: str) -> None:
        """Ends the process at once; open requests raise `RunnerCrashed` with the reason, which is one sentence."""
        self._reason = reason
        await self._process.kill()

    async def _wait_until_ready(self, on_progress: Callable[[float], None]) -> RunnerReady:
        while True:
            match await self._connection.read():
                case LoadProgress(fraction):
                    on_progress(fraction)
                case RunnerReady() as ready:
                    return ready
                case LoadFailed(message, lacks_memory):
                    raise LoadLacksMemory(message) if lacks_memory else ModelLoadFailed(message)
                case None:
                    await self._process.end(_EXIT_SECONDS)
                    message = f"The model could not be loaded: {self._process.describe_end()}."
                    raise LoadLacksMemory(message) if _GAVE_UP in message else ModelLoadFailed(message)

    async def _receive(self) -> None:
        self._connection.deliver_to(self._deliver)
        try:
            await self._connection.closed.wait()
            if self._connection.error is not None:
                logger.error("Runner %d sent something that is no message: %s", self.pid, self._connection.error)
                await self._process.kill()
        finally:
            self._connection.close()
            try:
                await self._process.end(_EXIT_SECONDS)
            finally:
                self._tell_everyone()

    def _deliver(self, message: FromRunner) -> None:
        match message:
            case LoadProgress() | RunnerReady() | LoadFailed():
                pass
            case Pong(nonce=nonce):
                future = self._pongs.get(nonce)
                if future is not None and not future.done():
                    future.set_result(message)
            case _:
                mailbox = self._mailboxes.get(message.request_id)
                if mailbox is not None:
                    mailbox.put(message)
                elif is_end(message) and (on_aborted := self._leaving.pop(message.request_id, None)) is not None:
                    on_aborted(_stats_of(message))

    def _tell_everyone(self) -> None:
        self.exited.set()
        for mailbox in self._mailboxes.values():
            mailbox.fail(RunnerCrashed(self._crash_message()))
        leaving, self._leaving = self._leaving, {}
        for on_aborted in leaving.values():
            on_aborted(None)
        for future in self._pongs.values():
            if not future.done():
                future.set_exception(RunnerCrashed(self._crash_message()))

    def _crash_message(self) -> str:
        if self._reason:
            return self._reason
        if self._is_closing:
            return "The model was unloaded. Ask again to load it anew."
        return f"The model's process is no longer there: {self._process.describe_end()}. Ask again to start a new one."


def _stats_of(end: Event) -> RequestStats | None:
    return end.stats if isinstance(end, RequestFinished | Embeddings) else None


def _nobody_asks(stats: RequestStats | None) -> None:
    pass
