"""`/api/hearth/jobs`: long work that goes on without whoever asked for it (`inference.jobs`)."""

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import parse_body, read_bytes
from inference.api.errors import JSON_TYPE
from inference.api.models import json_response
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest
from inference.jobs import Job, JobManager


class KindBody(msgspec.Struct, frozen=True):
    kind: str = ""


async def list_jobs(request: Request) -> Response:
    return json_response({"jobs": runtime_of(request).jobs.list_jobs()})


async def create_job(request: Request) -> Response:
    """201, or 200 with the job that does the same already."""
    content = await read_bytes(request)
    kind = parse_body(content, KindBody).kind
    if not kind:
        raise InvalidRequest("kind is required")
    jobs = runtime_of(request).jobs
    job, is_new = await jobs.submit(kind, parse_body(content, jobs.work(kind).request))
    return job_response(job, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def act(request: Request) -> Response:
    jobs, job_id, action = runtime_of(request).jobs, request.path_params["id"], request.path_params["action"]
    return job_response(await _act(jobs, job_id, action))


async def show_job(request: Request) -> Response:
    return job_response(runtime_of(request).jobs.find(request.path_params["id"]))


async def dismiss_job(request: Request) -> Response:
    await runtime_of(request).jobs.dismiss(request.path_params["id"])
    return Response(status_code=HTTPStatus.NO_CONTENT)


def job_response(job: Job, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(job), status, media_type=JSON_TYPE)


async def _act(jobs: JobManager, job_id: str, action: str) -> Job:
    match action:
        case "pause":
            return await jobs.pause(job_id)
        case "resume":
            return await jobs.resume(job_id)
        case "cancel":
            return await jobs.cancel(job_id)
        case "retry":
            return await jobs.retry(job_id)
    jobs.find(job_id)
    raise InvalidRequest("action must be pause, resume, cancel or retry", "action")
