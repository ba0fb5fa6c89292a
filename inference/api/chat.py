"""`POST /api/chat`."""

import os

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.images import read_message_images
from inference.api.lines import chat_content, empty_line
from inference.api.models import json_response
from inference.api.opening import (
    OpenModel,
    check_abilities,
    check_messages,
    check_top_logprobs,
    open_model,
    options_for,
    submit,
)
from inference.api.options import Options, read_keep_alive, read_think
from inference.api.runtime import runtime_of
from inference.api.schemas import ChatBody, MessageBody
from inference.api.wishes import with_wishes
from inference.errors import InvalidRequest
from inference.library.models import ModelDefaults
from inference.runner.messages import ChatMessage, ChatPrompt, Submit


async def chat(request: Request) -> Response | Answer:
    runtime = runtime_of(request)
    body = await read_body(request, ChatBody)
    keep_alive = read_keep_alive(body.keep_alive)
    read_think(body.think)
    check_top_logprobs(body)
    if not body.asked_model:
        raise InvalidRequest("model is required")
    opened = await open_model(runtime.library, body.asked_model)
    if not body.messages and keep_alive == 0:
        runtime.scheduler.unload(opened.model)
        return json_response(empty_line(body.asked_model, chat_content, "unload"))
    check_abilities(body, opened, "chat")
    if body.tools:
        raise InvalidRequest(f"{opened.model.name} does not support tools")
    check_messages(body.asked_model, opened, body.messages)
    options = options_for(runtime, opened, body)
    work = with_wishes(_work(body, opened, options), body, options) if body.messages else None
    return Answer(
        submit(request, runtime, opened, body, options=options, keep_alive=keep_alive, work=work),
        model=body.asked_model,
        content=chat_content,
        is_streaming=body.stream and (work is not None or body.hearth.events),
        wants_events=body.hearth.events,
    )


def _work(body: ChatBody, opened: OpenModel, options: Options) -> Submit:
    messages = chat_messages(opened.defaults, body.messages)
    prompt = ChatPrompt(
        messages=messages,
        truncate=body.truncate,
        think=read_think(body.think),
        # The first ones come from the Modelfile.
        num_public_messages=len(messages) - len(body.messages),
    )
    return Submit(
        request_id=os.urandom(8).hex(),
        prompt=prompt,
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
    )


def chat_messages(defaults: ModelDefaults, messages: list[MessageBody]) -> list[ChatMessage]:
    """The Modelfile's messages before the request's, and its system prompt unless the request begins with its own. Raises
    `InvalidRequest` for an image that cannot be used."""
    files = read_message_images(messages)
    chosen = [*modelfile_messages(defaults), *map(_chat_message, messages, files)]
    if defaults.system and messages[0].role.lower() != "system":
        chosen.insert(0, ChatMessage(role="system", content=defaults.system))
    return chosen


def modelfile_messages(defaults: ModelDefaults) -> list[ChatMessage]:
    return [ChatMessage(role=str(item.get("role", "")), content=str(item.get("content", ""))) for item in defaults.messages]


def _chat_message(message: MessageBody, images: list[bytes]) -> ChatMessage:
    return ChatMessage(
        role=message.role.lower(),
        content=message.content,
        tool_calls=message.tool_calls or None,
        tool_name=message.tool_name or None,
        tool_call_id=message.tool_call_id or None,
        thinking=message.thinking or None,
        images=images,
    )
