"""`POST /api/chat`."""

import os
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.images import read_message_images
from inference.api.lines import chat_content, empty_line
from inference.api.models import json_response
from inference.api.ndjson import NdjsonWriter
from inference.api.opening import (
    OpenModel,
    able_to_think,
    check_abilities,
    check_messages,
    check_top_logprobs,
    open_model,
    options_for,
)
from inference.api.options import Options, read_keep_alive, read_think
from inference.api.prepared import Prepared
from inference.api.reading import Reading
from inference.api.runtime import runtime_of
from inference.api.schemas import ChatBody, MessageBody
from inference.api.tools import ToolChoice, called_names, earlier_calls, read_tool_choice, read_tools
from inference.api.wishes import with_wishes
from inference.errors import InvalidRequest
from inference.library.models import ModelDefaults
from inference.prompt.choice import Chosen
from inference.runner.messages import ChatMessage, ChatPrompt, Submit


async def chat(request: Request) -> Response | Answer:
    body = await read_body(request, ChatBody)
    prepared = await prepare_chat(request, body)
    if not body.messages and prepared.keep_alive == 0:
        prepared.runtime.scheduler.unload(prepared.opened.model)
        return json_response(empty_line(body.asked_model, chat_content, "unload"))
    events, is_render_only = body.hearth.events, body.debug_render_only
    return Answer(
        [prepared.start()],
        NdjsonWriter(body.asked_model, chat_content, wants_events=events, is_render_only=is_render_only),
        is_streaming=body.stream and not is_render_only and (prepared.work is not None or events),
    )


async def prepare_chat(
    request: Request, body: ChatBody, *, default_options: Mapping[str, Any] | None = None, may_not_think: bool = False
) -> Prepared:
    """Makes the checks in Ollama's order, and of the body the work. Other protocols bring their requests into the shape of
    `ChatBody` and come here too, with `default_options` of their own, below the Modelfile's. With `may_not_think`, a model
    that cannot think is not asked to, in place of a refusal. Raises an `InferenceError`."""
    runtime = runtime_of(request)
    keep_alive = read_keep_alive(body.keep_alive)
    read_think(body.think)
    check_top_logprobs(body)
    if not body.asked_model:
        raise InvalidRequest("model is required", "model")
    opened = await open_model(runtime, body.asked_model)
    if may_not_think:
        body = able_to_think(body, opened)
    is_unload = not body.messages and keep_alive == 0
    if not is_unload:
        check_abilities(body, opened, "chat")
    if body.tools and body.tool_choice != "none" and "tools" not in opened.capabilities and not is_unload:
        raise InvalidRequest(f"{opened.model.name} does not support tools", "tools")
    tools = read_tools(body.tools)
    choice = read_tool_choice(body.tool_choice, tools)
    check_messages(body.asked_model, opened, body.messages)
    options = options_for(runtime, opened, body, default_options)
    work, reading = None, Reading()
    if body.messages:
        work, reading = _work(body, opened, options, tools, choice)
        work = with_wishes(work, body, options)
    return Prepared(request, runtime, body, opened, options, keep_alive, work, reading)


def _work(
    body: ChatBody, opened: OpenModel, options: Options, tools: list[dict[str, Any]], choice: ToolChoice
) -> tuple[Submit, Reading]:
    think = read_think(body.think)
    has_calls = any(message.tool_calls or message.role.lower() == "tool" for message in body.messages)
    # Tools that nothing is to be called of would only tempt the model; earlier calls are understood beside their tools.
    shown_tools = tools if choice.mode != "none" or has_calls else []
    needs_tools = bool(shown_tools) or has_calls
    chosen = opened.templates.choose(tools=needs_tools, thinking=bool(think))
    think = thinking_of(chosen, think)
    messages = chat_messages(opened.defaults, body.messages)
    prompt = ChatPrompt(
        messages=messages,
        truncate=body.truncate,
        tools=shown_tools,
        think=think,
        # The first ones come from the Modelfile.
        num_public_messages=len(messages) - len(body.messages),
        template=chosen.go,
    )
    reading = Reading(
        chosen.syntax,
        parses_thinking=bool(think),
        tools=choice.callable(tools),
        is_call_required=choice.mode == "required",
        # Who names a tool wants that call and no other.
        is_single_call=bool(choice.name) or not body.parallel_tool_calls,
    )
    work = Submit(
        request_id=os.urandom(8).hex(),
        prompt=prompt,
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
    )
    return reading.asked_of(work), reading


def thinking_of(chosen: Chosen, asked: bool | str | None) -> bool | str | None:
    """A model that can think does, unless it is told not to."""
    if chosen.syntax.is_harmony and asked == "max":
        return "high"
    return True if asked is None and chosen.syntax.knows_thinking else asked


def chat_messages(defaults: ModelDefaults, messages: list[MessageBody]) -> list[ChatMessage]:
    """The Modelfile's messages before the request's, and its system prompt unless the request begins with its own. Raises
    `InvalidRequest` for an image that cannot be used."""
    files, names = read_message_images(messages), called_names(messages)
    chosen = [*modelfile_messages(defaults), *(_chat_message(*pair, names) for pair in zip(messages, files, strict=True))]
    if defaults.system and messages[0].role.lower() != "system":
        chosen.insert(0, ChatMessage(role="system", content=defaults.system))
    return chosen


def modelfile_messages(defaults: ModelDefaults) -> list[ChatMessage]:
    return [ChatMessage(role=str(item.get("role", "")), content=str(item.get("content", ""))) for item in defaults.messages]


def _chat_message(message: MessageBody, images: list[bytes], names: Mapping[str, str]) -> ChatMessage:
    return ChatMessage(
        role=message.role.lower(),
        content=message.content,
        tool_calls=earlier_calls(message),
        tool_name=message.tool_name or names.get(message.tool_call_id),
        tool_call_id=message.tool_call_id or None,
        thinking=message.thinking or None,
        images=images,
    )
