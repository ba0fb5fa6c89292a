"""One job that runs: a task that follows its work to the end."""

import asyncio
import time
from contextlib import aclosing
from typing import Any

from inference.errors import RuntimeShuttingDown
from inference.jobs.failure import describe_failure
from inference.jobs.job import KeptJob
from inference.jobs.tally import Tally
from inference.jobs.work import Result, Work
from inference.library.progress import Progress

#: No model has so many layers.
_MAX_DIGESTS = 2000


class Run:
    """Follows the work from its beginning. When `task` is done the job has ended, or was stopped: then its status is left to
    whoever stopped it."""

    def __init__(self, kept: KeptJob, work: Work[Any], request: Any) -> None:
        self._kept = kept
        self._job = job = kept.job
        self._work = work
        self._request = request
        self._tally = Tally(job, counts_together=work.counts_together)
        self._started_at = time.monotonic()
        self.task = asyncio.create_task(self._go(), name=f"job {job.id}")

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started_at

    def measure(self) -> None:
        self._tally.measure()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _go(self) -> None:
        job = self._job
        try:
            async with aclosing(self._work.run(self._request)) as steps:
                async for step in steps:
                    if isinstance(step, Result):
                        job.result = step.value
                    else:
                        self._take(step)
            if not self._is_stopped():
                job.status, job.completed = "succeeded", job.total
        except RuntimeShuttingDown:
            return
        except Exception as error:
            if not self._is_stopped():
                job.status = "failed"
                job.error, job.code = describe_failure(error, kind=job.kind, model=job.model)
        finally:
            job.speed, job.seconds_left = 0.0, None

    def _take(self, step: Progress) -> None:
        self._tally.add(step)
        if step.digest and step.digest not in self._kept.digests and len(self._kept.digests) < _MAX_DIGESTS:
            self._kept.digests.append(step.digest)

    def _is_stopped(self) -> bool:
        """Some work answers a cancellation with an error of its own, or with its end."""
        return self.task.cancelling() > 0
