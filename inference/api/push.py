"""`POST /api/push`: a model goes to the registry its name leads to."""

from starlette.requests import Request

from inference.api.body import read_body
from inference.api.progress_answer import ProgressAnswer
from inference.api.pull import TransferBody
from inference.api.runtime import runtime_of


async def push(request: Request) -> ProgressAnswer:
    body = await read_body(request, TransferBody)
    steps = runtime_of(request).pushes.push(body.asked_model, insecure=body.insecure, login=body.login)
    return ProgressAnswer(steps, is_streaming=body.stream)
