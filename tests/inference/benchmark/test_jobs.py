"""Benches as jobs: they belong to the runtime, not to whoever asked."""

import asyncio

import msgspec
import pytest

from inference.api.runtime import Runtime
from inference.errors import InvalidRequest
from inference.jobs.job import Job
from tests.contract.service import until


async def run_job(runtime: Runtime, kind: str, **fields: object) -> Job:
    """The job as it has ended."""
    request = msgspec.convert(fields, runtime.jobs.work(kind).request)
    job, _ = await runtime.jobs.submit(kind, request)
    await asyncio.to_thread(until, lambda: runtime.jobs.find(job.id).has_ended)
    return runtime.jobs.find(job.id)


@pytest.mark.parametrize("name", ["", "a b", "x:y:z/"])
async def test_bench_of_a_name_that_is_none_is_refused_at_once(runtime: Runtime, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await run_job(runtime, "bench", model=name)
    assert runtime.jobs.list_jobs() == []


async def test_bench_of_a_model_that_is_absent_fails_with_a_reason(runtime: Runtime) -> None:
    job = await run_job(runtime, "bench", model="absent")
    assert (job.status, job.error, job.code) == ("failed", "Model 'absent' not found.", "model_not_found")


async def test_bench_gives_its_figures(runtime: Runtime) -> None:
    job = await run_job(runtime, "bench", model="tiny")
    assert (job.status, job.model, job.total) == ("succeeded", "tiny", 0), job.error
    assert job.result is not None
    assert job.result["prefill"] > 0 and job.result["decode"] > 0
    assert runtime.benchmarks.all()[0].decode == job.result["decode"]
