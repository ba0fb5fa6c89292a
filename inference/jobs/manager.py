"""Which jobs there are and which of them run."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from inference.errors import InferenceError, InvalidRequest, PayloadTooLarge, RuntimeShuttingDown
from inference.jobs.errors import ActionNotPossible, JobNotFound
from inference.jobs.job import Job, KeptJob, new_job, now
from inference.jobs.run import Run
from inference.jobs.store import JobStore
from inference.jobs.work import Work

#: Jobs that run at the same time; of those that take the processor, one.
MAX_RUNNING = 4
#: Jobs that have ended and are kept; the oldest go first.
MAX_ENDED = 50
#: Jobs that have not ended.
MAX_OPEN = 500
MAX_REQUEST_BYTES = 1024 * 1024
#: So often a job is begun without coming to an end before it is taken for the cause.
MAX_STARTS = 3
#: One that has run for so long did not end the process by beginning.
_HARMLESS_AFTER_S = 60.0
#: Between two times that running jobs are written down.
_SAVE_EVERY_S = 5.0

logger = logging.getLogger(__name__)


class JobManager:
    """All jobs of one runtime. Kinds of work are registered before `start`."""

    def __init__(self, folder: Path) -> None:
        self._store = JobStore(folder)
        self._works: dict[str, Work[Any]] = {}
        self._kept: dict[str, KeptJob] = {}
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._saving = asyncio.Lock()
        self._closing = asyncio.Event()

    def register(self, work: Work[Any]) -> None:
        self._works[work.kind] = work

    def work(self, kind: str) -> Work[Any]:
        """Raises `InvalidRequest`."""
        if kind not in self._works:
            raise InvalidRequest(f"kind must be one of {', '.join(sorted(self._works))}")
        return self._works[kind]

    def list_jobs(self) -> list[Job]:
        """The newest first."""
        for run in self._runs.values():
            run.measure()
        return sorted((kept.job for kept in self._kept.values()), key=lambda job: (job.created_at, job.id), reverse=True)

    def find(self, job_id: str) -> Job:
        """Raises `JobNotFound`."""
        return self._find(job_id).job

    async def start(self) -> None:
        """Takes up what an earlier process left: what ran goes on."""
        for kept in await asyncio.to_thread(self._store.load):
            self._kept[kept.job.id] = kept
            if kept.job.status == "running":
                self._take_up(kept)
        self._fill()
        self._spawn(self._save_again_and_again())

    async def close(self) -> None:
        """Stops what runs; on the disk it stays "running", so that it goes on at the next start."""
        self._closing.set()
        runs = dict(self._runs)
        await asyncio.gather(*(run.stop() for run in runs.values()))
        await asyncio.gather(*self._tasks)
        for job_id in runs:
            kept = self._kept[job_id]
            if kept.job.status == "running":
                kept.starts = 0
                await self._save_quietly(kept.job)

    async def submit(self, kind: str, request: msgspec.Struct) -> tuple[Job, bool]:
        """The job, and whether it is new: one that does the same already is given back, and goes on if it was paused.

        Raises `InvalidRequest`, `LibraryFailed`, or whatever the work refuses the request with.
        """
        work = self.work(kind)
        model = work.check(request)
        asked = msgspec.to_builtins(request)
        if len(msgspec.json.encode(asked)) > MAX_REQUEST_BYTES:
            raise PayloadTooLarge(f"the request is larger than {MAX_REQUEST_BYTES // 1024} KiB")
        if self._closing.is_set():
            raise RuntimeShuttingDown("Hearth is stopping.")
        same = next((kept.job for kept in self._kept.values() if _is_same(kept, kind, asked)), None)
        if same is not None:
            return (await self.resume(same.id) if same.status == "paused" else same), False
        if sum(not kept.job.has_ended for kept in self._kept.values()) >= MAX_OPEN:
            raise ActionNotPossible(f"{MAX_OPEN} jobs are waiting already; cancel some first")
        job = new_job(kind, model)
        self._kept[job.id] = KeptJob(job=job, request=asked)
        try:
            await self._save(job)
        except InferenceError:
            self._kept.pop(job.id, None)
            raise
        self._fill()
        return job, True

    async def pause(self, job_id: str) -> Job:
        """Raises `JobNotFound`, or `ActionNotPossible`. What has come so far is kept."""
        job = self._in(job_id, "queued", "running", action="paused")
        if not self.work(job.kind).can_pause:
            raise ActionNotPossible(f"a job of the kind {job.kind} cannot be paused, only cancelled")
        return await self._set_aside(job, "paused")

    async def resume(self, job_id: str) -> Job:
        """Raises `JobNotFound` or `ActionNotPossible`."""
        return await self._queue(self._in(job_id, "paused", action="resumed"))

    async def retry(self, job_id: str) -> Job:
        """Raises `JobNotFound` or `ActionNotPossible`."""
        job = self._in(job_id, "failed", "cancelled", action="retried")
        self.work(job.kind)
        return await self._queue(job)

    async def cancel(self, job_id: str) -> Job:
        """Raises `JobNotFound` or `ActionNotPossible`. What has come so far is removed."""
        job = self._in(job_id, "queued", "running", "paused", action="cancelled")
        await self._set_aside(job, "cancelled")
        if job.status == "cancelled" and job.kind in self._works:
            work = self._works[job.kind]
            try:
                kept = self._kept[job_id]
                await work.discard(msgspec.convert(kept.request, work.request), kept.digests)
            except Exception:
                logger.exception("What the cancelled %s of %s left could not be removed.", job.kind, job.model)
        return job

    async def dismiss(self, job_id: str) -> None:
        """Raises `JobNotFound` or `ActionNotPossible`."""
        job = self._in(job_id, "succeeded", "failed", "cancelled", action="dismissed")
        await self._remove(job.id)

    def _find(self, job_id: str) -> KeptJob:
        if job_id not in self._kept:
            raise JobNotFound(f'there is no job "{job_id[:64]}"')
        return self._kept[job_id]

    def _in(self, job_id: str, *statuses: str, action: str) -> Job:
        job = self._find(job_id).job
        if self._closing.is_set():
            raise RuntimeShuttingDown("Hearth is stopping.")
        if job.status not in statuses:
            raise ActionNotPossible(f"a job that is {job.status} cannot be {action}")
        return job

    async def _set_aside(self, job: Job, status: Any) -> Job:
        run = self._runs.get(job.id)
        if run is not None:
            await run.stop()
        # It may have come to its end just before.
        if not job.has_ended:
            job.status, job.speed, job.seconds_left = status, 0.0, None
            self._kept[job.id].starts = 0
            await self._save(job)
        return job

    async def _queue(self, job: Job) -> Job:
        job.status, job.error, job.code, job.result = "queued", "", "", None
        self._kept[job.id].starts = 0
        await self._save(job)
        self._fill()
        return job

    def _take_up(self, kept: KeptJob) -> None:
        job = kept.job
        if kept.starts >= MAX_STARTS:
            job.status, job.code = "failed", "interrupted"
            job.error = f"Hearth ended {kept.starts} times while this was running, so it was not begun again."
            self._spawn(self._save_quietly(job))
        else:
            job.status = "queued"
        job.speed, job.seconds_left = 0.0, None

    def _fill(self) -> None:
        """Starts what waits, the oldest first, while there is room."""
        if self._closing.is_set():
            return
        for kept in sorted(self._kept.values(), key=lambda kept: kept.job.created_at):
            if len(self._runs) >= MAX_RUNNING:
                return
            if kept.job.status == "queued" and kept.job.id not in self._runs and self._has_room(kept.job.kind):
                self._begin(kept)

    def _has_room(self, kind: str) -> bool:
        work = self._works.get(kind)
        if work is None or not work.is_heavy:
            return True
        return not any(self._works[self._kept[job_id].job.kind].is_heavy for job_id in self._runs)

    def _begin(self, kept: KeptJob) -> None:
        job = kept.job
        try:
            work = self.work(job.kind)
            request = msgspec.convert(kept.request, work.request)
        except (InvalidRequest, msgspec.ValidationError):
            job.status, job.code = "failed", InvalidRequest.code
            job.error = "This Hearth does not know what was asked for; ask for it again."
            self._spawn(self._save_quietly(job))
            return
        job.status = "running"
        kept.starts += 1
        run = self._runs[job.id] = Run(kept, work, request)
        self._spawn(self._follow(kept, run))

    async def _follow(self, kept: KeptJob, run: Run) -> None:
        await self._save_quietly(kept.job)
        await asyncio.wait({run.task})
        del self._runs[kept.job.id]
        if kept.job.has_ended:
            kept.starts = 0
            await self._save_quietly(kept.job)
            await self._forget_the_oldest()
        self._fill()

    async def _save_again_and_again(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAVE_EVERY_S):
                    await self._closing.wait()
            for job_id, run in list(self._runs.items()):
                kept = self._kept[job_id]
                if run.age > _HARMLESS_AFTER_S:
                    kept.starts = 0
                await self._save_quietly(kept.job)

    async def _forget_the_oldest(self) -> None:
        ended = sorted((kept.job for kept in self._kept.values() if kept.job.has_ended), key=lambda job: job.updated_at)
        for job in ended[: max(len(ended) - MAX_ENDED, 0)]:
            await self._remove(job.id)

    async def _remove(self, job_id: str) -> None:
        async with self._saving:
            self._kept.pop(job_id, None)
            await asyncio.to_thread(self._store.remove, job_id)

    async def _save(self, job: Job) -> None:
        """Raises `LibraryFailed`."""
        async with self._saving:
            if job.id in self._kept:
                job.updated_at = now()
                content = msgspec.json.encode(self._kept[job.id])
                await asyncio.to_thread(self._store.save, job.id, content)

    async def _save_quietly(self, job: Job) -> None:
        try:
            await self._save(job)
        except InferenceError as error:
            logger.warning("%s", error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_same(kept: KeptJob, kind: str, asked: object) -> bool:
    return not kept.job.has_ended and kept.job.kind == kind and kept.request == asked
