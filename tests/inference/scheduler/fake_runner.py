"""A runner under the test's control, with the interface of `RunnerClient`: for faults a real one cannot produce on demand."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

from inference.errors import InferenceError, RunnerCrashed
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    OutputDelta,
    PromptProgress,
    RequestFinished,
    RequestStats,
    RunnerReady,
    Submit,
    Tokens,
)

Event = PromptProgress | OutputDelta | RequestFinished | Tokens
TIMEOUT_S = 5
_PIDS = itertools.count(2**30)


class FakeRunner:
    def __init__(self, config: RunnerConfig) -> None:
        self.config = config
        self.ready = RunnerReady(
            num_ctx=config.num_ctx,
            num_slots=config.num_slots,
            num_ctx_train=8192,
            model_bytes=1,
            load_duration_ns=1,
            has_chat_template=True,
        )
        self.exited = asyncio.Event()
        #: Requests being answered, in the order in which they came.
        self.open: dict[str, asyncio.Queue[Event | InferenceError]] = {}
        self.seen: list[str] = []
        self.aborted: list[str] = []
        self.leaving: dict[str, Callable[[RequestStats | None], None]] = {}
        self.is_closed = False
        self.forgotten: list[str] = []
        self.is_hung = False
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.answers_pings = asyncio.Event()
        self.answers_pings.set()
        #: No process has it.
        self.pid = next(_PIDS)
        self.most_open = 0

    async def submit(
        self,
        submit: Submit,
        *,
        on_output: Callable[[OutputDelta], None] | None = None,
        on_aborted: Callable[[RequestStats | None], None] | None = None,
    ) -> AsyncIterator[Event]:
        if self.exited.is_set():
            raise RunnerCrashed("The model's process is no longer there.")
        events = self.open[submit.request_id] = asyncio.Queue()
        self.seen.append(submit.request_id)
        self.most_open = max(self.most_open, len(self.open))
        is_over = False
        try:
            while not is_over:
                event = await events.get()
                if isinstance(event, InferenceError):
                    is_over = True
                    raise event
                is_over = isinstance(event, RequestFinished | Tokens)
                if on_output is not None and isinstance(event, OutputDelta):
                    on_output(event)
                else:
                    yield event
        finally:
            del self.open[submit.request_id]
            if not is_over:
                self.aborted.append(submit.request_id)
                assert on_aborted is not None
                self.leaving[submit.request_id] = on_aborted

    def end_aborted(self, request_id: str, stats: RequestStats | None) -> None:
        """The runner has come to the abort."""
        self.leaving.pop(request_id)(stats)

    async def forget(self, scope: str) -> None:
        self.forgotten.append(scope)

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        await self.may_close.wait()
        self.is_closed = True
        self.exited.set()

    async def ping(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109
        if self.is_hung:
            await asyncio.sleep(timeout)
            raise TimeoutError
        if self.exited.is_set():
            raise RunnerCrashed("The model's process is no longer there.")
        async with asyncio.timeout(timeout):
            await self.answers_pings.wait()

    async def kill(self, reason: str) -> None:
        self.crash(reason)

    def say(self, request_id: str, text: str) -> None:
        self.open[request_id].put_nowait(OutputDelta(request_id, text, 1))

    def finish(self, request_id: str, reason: str = "stop") -> None:
        stats = RequestStats(num_completion_tokens=1)
        self.open[request_id].put_nowait(RequestFinished(request_id=request_id, finish_reason=reason, stats=stats))

    def crash(self, reason: str = "The model's process is no longer there.") -> None:
        for events in self.open.values():
            events.put_nowait(RunnerCrashed(reason))
        self.exited.set()


class FakeRunners:
    """Starts fake runners; a start waits while `gate` is clear and fails with the next of `failures`."""

    def __init__(self) -> None:
        self.started: list[FakeRunner] = []
        self.num_starts = 0
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.progress: Callable[[float], None] | None = None

    async def start(
        self,
        config: RunnerConfig,
        *,
        on_progress: Callable[[float], None] | None = None,
        timeout: float = 300.0,  # noqa: ASYNC109
    ) -> FakeRunner:
        self.num_starts += 1
        self.progress = on_progress
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        runner = FakeRunner(config)
        self.started.append(runner)
        return runner

    @property
    def last(self) -> FakeRunner:
        return self.started[-1]


async def until(condition: Callable[[], object]) -> None:
    """Lets the loop run until the condition holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
