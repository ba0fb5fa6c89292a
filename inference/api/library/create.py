"""`POST /api/create`: a model comes from another one, or from files that were uploaded."""

from starlette.requests import Request

from inference.api.body import read_body
from inference.api.progress_answer import ProgressAnswer
from inference.api.runtime import runtime_of
from inference.creation.create import create_model
from inference.creation.request import CreateRequest


async def create(request: Request) -> ProgressAnswer:
    body = await read_body(request, CreateRequest)
    runtime = runtime_of(request)
    return ProgressAnswer(create_model(runtime.library, body, pull=runtime.pulls.pull), is_streaming=body.stream)
