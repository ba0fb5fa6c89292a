"""`POST /api/generate`."""

import os

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.chat import modelfile_messages
from inference.api.images import check_images, read_images
from inference.api.lines import empty_line, generate_content
from inference.api.models import json_response
from inference.api.opening import OpenModel, check_abilities, check_top_logprobs, open_model, options_for, submit
from inference.api.options import Options, read_keep_alive, read_think
from inference.api.runtime import runtime_of
from inference.api.schemas import GenerateBody
from inference.api.wishes import with_wishes
from inference.errors import InvalidRequest, ModelNotFound
from inference.runner.messages import ChatMessage, ChatPrompt, Submit, TextPrompt


async def generate(request: Request) -> Response | Answer:
    runtime = runtime_of(request)
    body = await read_body(request, GenerateBody)
    keep_alive = read_keep_alive(body.keep_alive)
    read_think(body.think)
    check_top_logprobs(body)
    if not body.asked_model:
        raise ModelNotFound("model '' not found")
    opened = await open_model(runtime.library, body.asked_model)
    if not body.prompt and keep_alive == 0:
        runtime.scheduler.unload(opened.model)
        return json_response(empty_line(body.asked_model, generate_content, "unload"))
    _check(body, opened)
    options = options_for(runtime, opened, body)
    work = with_wishes(_work(body, opened, options), body, options) if body.prompt else None
    return Answer(
        submit(request, runtime, opened, body, options=options, keep_alive=keep_alive, work=work),
        model=body.asked_model,
        content=generate_content,
        is_streaming=body.stream and (work is not None or body.hearth.events),
        wants_events=body.hearth.events,
    )


def _check(body: GenerateBody, opened: OpenModel) -> None:
    if body.raw and (body.template or body.system or body.context):
        raise InvalidRequest("raw mode does not support template, system, or context")
    check_abilities(body, opened, "generate")
    if body.suffix:
        raise InvalidRequest(f"{opened.model.name} does not support insert")
    check_images(body.asked_model, opened.model, body.images)
    if body.raw and body.images:
        raise InvalidRequest("raw mode does not support images")
    if body.template:
        raise InvalidRequest("template is not supported yet: leave it out, or write the whole prompt and set raw")
    if body.context:
        raise InvalidRequest("context is not supported: send the whole conversation to /api/chat")


def _work(body: GenerateBody, opened: OpenModel, options: Options) -> Submit:
    return Submit(
        request_id=os.urandom(8).hex(),
        prompt=TextPrompt(text=body.prompt) if body.raw else _chat_prompt(body, opened),
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
    )


def _chat_prompt(body: GenerateBody, opened: OpenModel) -> ChatPrompt:
    system = body.system or opened.defaults.system
    messages = [ChatMessage(role="system", content=system)] if system else []
    messages += modelfile_messages(opened.defaults)
    messages.append(ChatMessage(role="user", content=body.prompt, images=read_images(body.images, "images")))
    return ChatPrompt(
        messages=messages,
        truncate=body.truncate,
        think=read_think(body.think),
        num_public_messages=0 if body.system else len(messages) - 1,
    )
