import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from inference.errors import InvalidRequest, LibraryFailed, PayloadTooLarge, RequestRejected, RuntimeShuttingDown
from inference.jobs import ActionNotPossible, Job, JobManager, JobNotFound
from inference.jobs import manager as manager_module
from inference.library.errors import LibraryError
from tests.inference.jobs.counting import CountRequest, CountWork, HeavyWork


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
async def work() -> CountWork:
    return CountWork()


@pytest.fixture
async def heavy() -> HeavyWork:
    return HeavyWork()


@pytest.fixture
async def jobs(folder: Path, work: CountWork, heavy: HeavyWork) -> AsyncIterator[JobManager]:
    manager = await begin(folder, work, heavy)
    yield manager
    await manager.close()


async def begin(folder: Path, *works: CountWork) -> JobManager:
    manager = JobManager(folder)
    for work in works:
        manager.register(work)
    await manager.start()
    return manager


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - no event tells of every state
            await asyncio.sleep(0.001)


def put_in_the_way(folder: Path) -> None:
    folder.write_text("a file where a folder should be")


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def on_disk(folder: Path, job: Job) -> dict[str, object]:
    content = json.loads((folder / f"{job.id}.json").read_text())
    shown = content["job"]
    assert isinstance(shown, dict)
    return shown


@pytest.mark.parametrize(
    ("kind", "request_", "error"),
    [
        ("nonsense", CountRequest("m"), InvalidRequest),
        ("", CountRequest("m"), InvalidRequest),
        ("count", CountRequest(""), InvalidRequest),
        ("count", CountRequest("m" * 2_000_000), PayloadTooLarge),
    ],
)
async def test_bad_wish_leaves_nothing(
    jobs: JobManager, folder: Path, kind: str, request_: CountRequest, error: type[RequestRejected]
) -> None:
    with pytest.raises(error):
        await jobs.submit(kind, request_)
    assert jobs.list_jobs() == []
    assert files_in(folder) == []


@pytest.mark.parametrize("job_id", ["", "x", "../../etc/passwd", "0" * 10_000, "\0"])
async def test_unknown_job(jobs: JobManager, job_id: str) -> None:
    for action in (jobs.pause, jobs.resume, jobs.cancel, jobs.retry, jobs.dismiss):
        with pytest.raises(JobNotFound):
            await action(job_id)


async def test_job_that_cannot_be_written_down_is_refused(jobs: JobManager, folder: Path) -> None:
    put_in_the_way(folder)
    with pytest.raises(LibraryFailed, match=r"cannot be written down in HEARTH_DATA") as caught:
        await jobs.submit("count", CountRequest("m"))
    assert str(folder) not in str(caught.value)
    assert jobs.list_jobs() == []


async def test_job_runs_to_its_end(jobs: JobManager, work: CountWork, folder: Path) -> None:
    job, is_new = await jobs.submit("count", CountRequest("m"))
    await until(lambda: job.status == "running" and job.message == "counting")
    work.let()
    await until(lambda: job.status == "succeeded")

    assert is_new
    assert (job.message, job.completed, job.total, job.error, job.result) == ("success", 3, 3, "", {"counted": 3})
    await until(lambda: on_disk(folder, job)["status"] == "succeeded")
    assert job.speed == 0 and job.seconds_left is None


async def test_the_same_asked_twice_is_one_job(jobs: JobManager, work: CountWork) -> None:
    first, _ = await jobs.submit("count", CountRequest("m"))
    second, is_new = await jobs.submit("count", CountRequest("m"))
    other, _ = await jobs.submit("count", CountRequest("m", to=4))

    assert (second.id, is_new) == (first.id, False)
    assert other.id != first.id
    work.let()
    await until(lambda: first.status == "succeeded")
    again, is_new = await jobs.submit("count", CountRequest("m"))
    assert is_new and again.id != first.id


async def test_paused_job_goes_on_where_it_was(jobs: JobManager, work: CountWork, folder: Path) -> None:
    job, _ = await jobs.submit("count", CountRequest("m"))
    work.let(2)
    await until(lambda: job.completed == 2)
    paused = await jobs.pause(job.id)

    assert paused.status == "paused" and work.running == set()
    assert on_disk(folder, job)["status"] == "paused"
    work.let()
    await jobs.resume(job.id)
    await until(lambda: job.status == "succeeded")
    assert work.begun == ["m", "m"] and work.discarded == []


async def test_asking_for_a_paused_job_resumes_it(jobs: JobManager, work: CountWork) -> None:
    job, _ = await jobs.submit("count", CountRequest("m"))
    await jobs.pause(job.id)
    work.let()
    same, is_new = await jobs.submit("count", CountRequest("m"))
    assert (same.id, is_new) == (job.id, False)
    await until(lambda: job.status == "succeeded")


async def test_cancelled_job_is_cleaned_up_after_it_has_stopped(jobs: JobManager, work: CountWork) -> None:
    job, _ = await jobs.submit("count", CountRequest("m"))
    await until(lambda: job.message == "counting")
    cancelled = await jobs.cancel(job.id)

    assert cancelled.status == "cancelled"
    assert work.running == set() and work.discarded == [("m", ["sha256:1"])]
    work.let()
    await jobs.retry(job.id)
    await until(lambda: job.status == "succeeded")


async def test_failed_job_says_why_and_is_retried(jobs: JobManager, work: CountWork) -> None:
    work.failure = LibraryError("the models folder cannot be written: No space left on device")
    work.let(1)
    job, _ = await jobs.submit("count", CountRequest("m"))
    await until(lambda: job.status == "failed")

    assert job.error == "The models folder cannot be written: No space left on device."
    assert job.code == "library_failed"
    work.failure = None
    work.let()
    await jobs.retry(job.id)
    await until(lambda: job.status == "succeeded")
    assert (job.error, job.code) == ("", "")


async def test_fault_of_ours_names_no_insides(jobs: JobManager, work: CountWork, caplog: pytest.LogCaptureFixture) -> None:
    work.failure = ZeroDivisionError("at /secret/place")
    work.let(1)
    job, _ = await jobs.submit("count", CountRequest("m"))
    await until(lambda: job.status == "failed")

    assert (job.error, job.code) == ("Something went wrong inside Hearth; its log says what.", "internal")
    assert "ZeroDivisionError" in caplog.text


async def test_action_that_does_not_fit_the_state_is_refused(jobs: JobManager, work: CountWork, heavy: HeavyWork) -> None:
    job, _ = await jobs.submit("count", CountRequest("m"))
    for action in (jobs.resume, jobs.retry, jobs.dismiss):
        with pytest.raises(ActionNotPossible):
            await action(job.id)
    work.let()
    await until(lambda: job.status == "succeeded")
    for action in (jobs.pause, jobs.resume, jobs.cancel, jobs.retry):
        with pytest.raises(ActionNotPossible, match="succeeded"):
            await action(job.id)
    unpausable, _ = await jobs.submit("heavy", CountRequest("m"))
    with pytest.raises(ActionNotPossible, match="only cancelled"):
        await jobs.pause(unpausable.id)
    await until(lambda: heavy.begun == ["m"])


async def test_dismissed_job_is_gone_from_the_disk(jobs: JobManager, work: CountWork, folder: Path) -> None:
    work.let()
    job, _ = await jobs.submit("count", CountRequest("m"))
    await until(lambda: job.status == "succeeded")
    await jobs.dismiss(job.id)
    assert jobs.list_jobs() == []
    await jobs.close()
    assert files_in(folder) == []


async def test_so_many_run_at_once_and_the_rest_waits(jobs: JobManager, work: CountWork, heavy: HeavyWork) -> None:
    for index in range(3):
        await jobs.submit("heavy", CountRequest(f"h{index}"))
    for index in range(6):
        await jobs.submit("count", CountRequest(f"c{index}"))
    await until(lambda: len(work.running | heavy.running) == manager_module.MAX_RUNNING)
    assert heavy.running == {"h0"} and work.running == {"c0", "c1", "c2"}
    heavy.let()
    work.let()
    await until(lambda: all(job.status == "succeeded" for job in jobs.list_jobs()))
    assert heavy.begun == ["h0", "h1", "h2"]
    assert work.begun == [f"c{index}" for index in range(6)]


async def test_queued_job_is_paused_and_cancelled_without_having_run(jobs: JobManager, heavy: HeavyWork, work: CountWork) -> None:
    await jobs.submit("heavy", CountRequest("first"))
    waiting, _ = await jobs.submit("heavy", CountRequest("second"))
    assert waiting.status == "queued"
    await jobs.cancel(waiting.id)
    heavy.let()
    await until(lambda: jobs.list_jobs()[-1].status == "succeeded")
    assert (waiting.status, heavy.begun) == ("cancelled", ["first"])


async def test_running_job_goes_on_after_an_orderly_stop(folder: Path, jobs: JobManager, work: CountWork) -> None:
    job, _ = await jobs.submit("count", CountRequest("m"))
    paused, _ = await jobs.submit("count", CountRequest("p"))
    work.let(1)
    await until(lambda: job.completed == 1)
    await jobs.pause(paused.id)
    await jobs.close()

    assert on_disk(folder, job)["status"] == "running"
    with pytest.raises(RuntimeShuttingDown):
        await jobs.submit("count", CountRequest("late"))
    later = await begin(folder, work)
    work.let()
    await until(lambda: later.find(job.id).status == "succeeded")
    assert later.find(paused.id).status == "paused"
    assert later.find(job.id).created_at == job.created_at
    await later.close()


async def test_job_that_ends_the_process_each_time_is_not_begun_for_ever(folder: Path, work: CountWork) -> None:
    first = await begin(folder, work)
    job, _ = await first.submit("count", CountRequest("m"))
    await until(lambda: on_disk(folder, job)["status"] == "running")
    killed = (folder / f"{job.id}.json").read_bytes()
    await first.close()
    kept = json.loads(killed)
    assert kept["starts"] == 1
    kept["starts"] = manager_module.MAX_STARTS
    (folder / f"{job.id}.json").write_text(json.dumps(kept))

    later = await begin(folder, work)
    found = later.find(job.id)
    assert (found.status, found.code) == ("failed", "interrupted")
    assert found.error.startswith("Hearth ended 3 times while this was running")
    work.let()
    await later.retry(job.id)
    await until(lambda: found.status == "succeeded")
    await later.close()


async def test_files_that_are_no_jobs_harm_nothing(folder: Path, work: CountWork, caplog: pytest.LogCaptureFixture) -> None:
    first = await begin(folder, work)
    job, _ = await first.submit("count", CountRequest("m"))
    await first.close()
    good = (folder / f"{job.id}.json").read_bytes()
    (folder / "broken.json").write_bytes(good[:50])
    (folder / "nested.json").write_bytes(b"[" * 100_000)
    (folder / "renamed.json").write_bytes(good)
    (folder / "binary.json").write_bytes(os.urandom(100))
    (folder / ".new-rest").write_bytes(b"half")
    (folder / "folder.json").mkdir()

    later = await begin(folder, work)
    assert [found.id for found in later.list_jobs()] == [job.id]
    assert caplog.text.count("is left out") == 5
    assert not (folder / ".new-rest").exists()
    await later.close()


async def test_job_of_a_kind_that_is_no_longer_there_fails(folder: Path, work: CountWork) -> None:
    first = await begin(folder, work)
    job, _ = await first.submit("count", CountRequest("m"))
    await first.close()
    later = await begin(folder)
    await until(lambda: later.find(job.id).status == "failed")
    assert "does not know" in later.find(job.id).error
    await later.close()


async def test_only_so_many_that_ended_are_kept(
    folder: Path, jobs: JobManager, work: CountWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "MAX_ENDED", 3)
    work.let()
    for index in range(6):
        job, _ = await jobs.submit("count", CountRequest(f"m{index}", to=0))
        await until(lambda job=job: job.status == "succeeded")  # type: ignore[misc]
    await until(lambda: len(jobs.list_jobs()) == 3)
    assert [job.model for job in jobs.list_jobs()] == ["m5", "m4", "m3"]
    await jobs.close()
    assert len(files_in(folder)) == 3
