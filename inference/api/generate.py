"""`POST /api/generate`."""

import os
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.chat import modelfile_messages, thinking_of
from inference.api.images import check_images, read_images
from inference.api.lines import empty_line, generate_content
from inference.api.models import json_response
from inference.api.ndjson import NdjsonWriter
from inference.api.opening import OpenModel, check_abilities, check_top_logprobs, open_model, options_for
from inference.api.option_values import check_tokens
from inference.api.options import Options, read_keep_alive, read_think
from inference.api.prepared import Prepared
from inference.api.reading import Reading
from inference.api.runtime import runtime_of
from inference.api.schemas import GenerateBody
from inference.api.wishes import with_wishes
from inference.errors import InvalidRequest, ModelNotFound
from inference.prompt.choice import Chosen, Templates
from inference.prompt.go_template import GoTemplate, GoTemplateError
from inference.prompt.parsing import AnswerSyntax
from inference.runner.messages import ChatMessage, ChatPrompt, InfillPrompt, Prompt, Submit, TextPrompt

_MAX_TEMPLATE_CHARS = 64 * 1024


async def generate(request: Request) -> Response | Answer:
    body = await read_body(request, GenerateBody)
    prepared = await prepare_generate(request, body)
    if not body.prompt and prepared.keep_alive == 0:
        prepared.runtime.scheduler.unload(prepared.opened.model)
        return json_response(empty_line(body.asked_model, generate_content, "unload"))
    events, is_render_only = body.hearth.events, body.debug_render_only
    return Answer(
        [prepared.start()],
        NdjsonWriter(body.asked_model, generate_content, wants_events=events, is_render_only=is_render_only),
        is_streaming=body.stream and not is_render_only and (prepared.work is not None or events),
    )


async def prepare_generate(request: Request, body: GenerateBody, *, default_options: Mapping[str, Any] | None = None) -> Prepared:
    """Makes the checks in Ollama's order, and of the body the work; `default_options` as in `prepare_chat`. Raises an
    `InferenceError`."""
    runtime = runtime_of(request)
    keep_alive = read_keep_alive(body.keep_alive)
    read_think(body.think)
    check_top_logprobs(body)
    if not body.asked_model:
        raise ModelNotFound("model '' not found")
    opened = await open_model(runtime, body.asked_model)
    if body.prompt or keep_alive != 0:
        _check(body, opened)
    options = options_for(runtime, opened, body, default_options)
    work, reading = None, Reading()
    if body.prompt:
        work, reading = _work(body, opened, options)
        work = with_wishes(work, body, options)
    return Prepared(request, runtime, body, opened, options, keep_alive, work, reading)


def _check(body: GenerateBody, opened: OpenModel) -> None:
    if body.raw and (body.template or body.system or body.context):
        raise InvalidRequest("raw mode does not support template, system, or context")
    check_abilities(body, opened, "generate")
    if body.suffix and not body.raw and "insert" not in opened.capabilities and not body.template:
        raise InvalidRequest(f"{opened.model.name} does not support insert", "suffix")
    check_tokens("context", body.context)
    check_images(body.asked_model, opened.model, body.images)
    if body.raw and body.images:
        raise InvalidRequest("raw mode does not support images")
    if body.template:
        _check_template(body.template)


def _check_template(source: str) -> None:
    if len(source) > _MAX_TEMPLATE_CHARS:
        raise InvalidRequest(f"template has more than {_MAX_TEMPLATE_CHARS} characters")
    try:
        GoTemplate(source)
    except GoTemplateError as error:
        raise InvalidRequest(f"template {error}") from None


def _work(body: GenerateBody, opened: OpenModel, options: Options) -> tuple[Submit, Reading]:
    asked = read_think(body.think)
    templates = Templates(go=body.template) if body.template else opened.templates
    chosen = templates.choose(thinking=bool(asked))
    think = None if body.raw else thinking_of(chosen, asked)
    is_infill = bool(body.suffix) and not body.raw
    prompt: Prompt = TextPrompt(text=body.prompt) if body.raw else _chat_prompt(body, opened, chosen, think)
    if is_infill:
        template = chosen.go if chosen.syntax.knows_infill else None
        prompt = InfillPrompt(prefix=body.prompt, suffix=body.suffix, template=template)
    # Nobody asked for Harmony's messages here, so that nothing is looked for but text.
    is_plain = chosen.syntax.is_harmony and (body.raw or is_infill)
    reading = Reading(AnswerSyntax() if is_plain else chosen.syntax, parses_thinking=bool(think) and not is_infill)
    work = Submit(
        request_id=os.urandom(8).hex(),
        prompt=prompt,
        sampling=options.sampling,
        max_tokens=options.max_tokens,
        stop=options.stop,
        wants_tokens=not body.raw,
    )
    return reading.asked_of(work), reading


def _chat_prompt(body: GenerateBody, opened: OpenModel, chosen: Chosen, think: bool | str | None) -> ChatPrompt:
    # What the Modelfile says stands in an earlier exchange already.
    defaults = [] if body.context else modelfile_messages(opened.defaults)
    system = body.system or ("" if body.context else opened.defaults.system)
    messages = [ChatMessage(role="system", content=system)] if system else []
    messages += defaults
    messages.append(ChatMessage(role="user", content=body.prompt, images=read_images(body.images, "images")))
    return ChatPrompt(
        messages=messages,
        truncate=body.truncate,
        think=think,
        num_public_messages=0 if body.system or body.template else len(messages) - 1,
        template=chosen.go,
        context=body.context,
    )
