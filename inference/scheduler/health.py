"""Notices a runner that lives and does not answer."""

import asyncio
import logging
from collections.abc import Callable

from inference.errors import RunnerCrashed
from inference.scheduler.loaded import Runner

#: A runner is asked so many times within the bound.
_QUESTIONS = 4
#: One that computes without answering (a long step on a slow machine does) gets this many times the bound.
_PATIENCE = 10
#: Less processor time than this part of one core is standing still.
_STANDSTILL = 0.01

logger = logging.getLogger(__name__)


async def until_hung(
    runner: Runner, *, is_busy: Callable[[], bool], bound_s: float, cpu_seconds: Callable[[int], float | None]
) -> float | None:
    """Returns the seconds without an answer when the runner has to be given up, None when it ended by itself.

    The decode thread answers between two steps, so no answer means a step that is very long, or one that never ends.
    The two differ in the processor time they take: a process that stands still is given up after `bound_s`.
    """
    while True:
        await asyncio.sleep(bound_s / _QUESTIONS)
        if runner.exited.is_set():
            return None
        if is_busy():
            silence = await _silence(runner, bound_s, cpu_seconds)
            if silence:
                return silence


async def _silence(runner: Runner, bound_s: float, cpu_seconds: Callable[[int], float | None]) -> float:
    """Seconds without an answer that are too many; 0 when one came, or when the process is gone."""
    for count in range(1, _PATIENCE + 1):
        before = cpu_seconds(runner.pid)
        try:
            await runner.ping(bound_s)
        except TimeoutError:
            after = cpu_seconds(runner.pid)
            if before is None or after is None or after - before < _STANDSTILL * bound_s:
                return count * bound_s
            logger.warning("Runner %d has not answered for %.0f s but computes.", runner.pid, count * bound_s)
        except RunnerCrashed:
            return 0.0
        else:
            return 0.0
    return _PATIENCE * bound_s
