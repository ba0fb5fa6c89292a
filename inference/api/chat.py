"""`POST /api/chat`."""

import os
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
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
    check_messages(body.asked_model, body.messages)
    options = options_for(runtime, opened, body)
    work = with_wishes(_work(body, opened, options), body, options) if body.messages else None
    return Answer(
        submit(request, runtime, opened, body, num_ctx=options.num_ctx, keep_alive=keep_alive, work=work),
        model=body.asked_model,
        content=chat_content,
        is_streaming=body.stream and (work is not None or body.hearth.events),
        wants_events=body.hearth.events,
    )


def _work(body: ChatBody, opened: OpenModel, options: Options) -> Submit:
    prompt = ChatPrompt(
        messages=chat_messages(opened.defaults, body.messages),
        truncate=body.truncate,
        variables=template_variables(body.think),
        num_public_messages=num_public_messages(opened.defaults, body.messages),
    )
    return Submit(
        request_id=os.urandom(8).hex(),
        prompt=prompt,
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
    )


def chat_messages(defaults: ModelDefaults, messages: list[MessageBody]) -> list[ChatMessage]:
    """The Modelfile's messages before the request's, and its system prompt unless the request begins with its own."""
    chosen = [*modelfile_messages(defaults), *(_chat_message(message) for message in messages)]
    if defaults.system and messages[0].role.lower() != "system":
        chosen.insert(0, ChatMessage(role="system", content=defaults.system))
    return chosen


def num_public_messages(defaults: ModelDefaults, messages: list[MessageBody]) -> int:
    """How many of `chat_messages` come from the Modelfile; the first ones."""
    return len(chat_messages(defaults, messages)) - len(messages)


def modelfile_messages(defaults: ModelDefaults) -> list[ChatMessage]:
    return [ChatMessage(role=str(item.get("role", "")), content=str(item.get("content", ""))) for item in defaults.messages]


def template_variables(think: Any) -> dict[str, Any]:
    """Templates of thinking models look for `enable_thinking`; others pass it over."""
    return {"enable_thinking": False} if read_think(think) is False else {}


def _chat_message(message: MessageBody) -> ChatMessage:
    return ChatMessage(
        role=message.role.lower(),
        content=message.content,
        tool_calls=message.tool_calls or None,
        tool_name=message.tool_name or None,
        thinking=message.thinking or None,
    )
