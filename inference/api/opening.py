"""Finds the model a request names and refuses what the model, or Hearth, cannot do; in Ollama's order and words."""

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from inference.api.arrivals import note_arrived
from inference.api.caller import client_of, scope_of
from inference.api.capabilities import served_capabilities, templates_of
from inference.api.images import check_images
from inference.api.options import Options, read_options, read_think
from inference.api.request_usage import usage_of
from inference.api.runtime import Runtime
from inference.api.schemas import MessageBody, RequestBody
from inference.api.tools import MAX_TOOL_DEPTH, depth_of
from inference.api.wishes import json_schema_of
from inference.errors import InvalidRequest, ModelLoadFailed
from inference.library.errors import DamagedModel, LibraryError
from inference.library.gguf import GGUFMetadata
from inference.library.models import InstalledModel, ModelDefaults
from inference.library.names import InvalidName, parse_name
from inference.library.shape import ModelShape, read_shape
from inference.prompt.choice import Templates
from inference.runner.messages import Submission, Submit, Tokenize
from inference.scheduler import ModelRequest, RequestStream

#: A template goes through all of them in the runner, beside the answers that it computes.
MAX_MESSAGES = 16384

B = TypeVar("B", bound=RequestBody)


@dataclass(frozen=True)
class OpenModel:
    """A model together with what its files say."""

    model: InstalledModel
    defaults: ModelDefaults
    metadata: GGUFMetadata
    templates: Templates
    capabilities: list[str]


async def open_model(runtime: Runtime, asked: str) -> OpenModel:
    """Raises `InvalidRequest`, `ModelNotFound`, or `ModelLoadFailed` when the model's files are of no use."""
    try:
        name = parse_name(asked)
    except InvalidName:
        raise InvalidRequest("invalid model name", "model") from None
    return await asyncio.to_thread(lambda: _open(runtime, runtime.library.find(name, asked=asked)))


def _open(runtime: Runtime, model: InstalledModel) -> OpenModel:
    library = runtime.library
    if model.model_path is None:
        kind = model.config.model_format or "unknown"
        raise InvalidRequest(f'"{model.name.shortest}" is in a format Hearth cannot run ({kind}); it runs GGUF models')
    try:
        metadata = library.metadata(model)
        if metadata.missing_bytes:
            raise DamagedModel(f"its file is cut short by {metadata.missing_bytes} bytes; install it again")
        return OpenModel(
            model, library.defaults(model), metadata, templates_of(runtime, model), served_capabilities(runtime, model)
        )
    except LibraryError as error:
        raise ModelLoadFailed(f"The model {model.name.shortest} cannot be used: {error}.") from None


def shape_of(opened: OpenModel) -> ModelShape:
    """What its memory follows from; adapters and projectors are loaded beside it."""
    shape = read_shape(opened.metadata)
    beside = sum(layer.size for layer in opened.model.manifest.layers if layer.kind in ("adapter", "projector"))
    return dataclasses.replace(shape, weight_bytes=shape.weight_bytes + beside)


def check_top_logprobs(body: RequestBody) -> None:
    if not 0 <= body.top_logprobs <= 20:
        raise InvalidRequest("top_logprobs must be between 0 and 20", "top_logprobs")


def check_abilities(body: RequestBody, opened: OpenModel, action: str) -> None:
    """`action` is "chat" or "generate". What is refused here is refused before anything is loaded."""
    if read_think(body.think) and "thinking" not in opened.capabilities:
        raise InvalidRequest(f'"{body.asked_model}" does not support thinking', "think")
    if opened.metadata.is_embedding:
        raise InvalidRequest(f'"{body.asked_model}" does not support {action}')
    json_schema_of(body.format)


def able_to_think(body: B, opened: OpenModel) -> B:
    """The body without a wish to think that the model cannot fulfil."""
    can_think = "thinking" in opened.capabilities
    return body if can_think or not read_think(body.think) else msgspec.structs.replace(body, think=None)


def check_messages(asked_model: str, opened: OpenModel, messages: list[MessageBody]) -> None:
    if len(messages) > MAX_MESSAGES:
        raise InvalidRequest(f"the request has {len(messages)} messages; at most {MAX_MESSAGES} are possible", "messages")
    for index, message in enumerate(messages):
        if not message.role:
            raise InvalidRequest(f"messages[{index}].role is required")
        check_images(asked_model, opened.model, message.images)
        if depth_of(message.tool_calls) > MAX_TOOL_DEPTH:
            raise InvalidRequest(f"messages[{index}].tool_calls is nested too deeply")


def options_for(runtime: Runtime, opened: OpenModel, body: RequestBody, defaults: Mapping[str, Any] | None = None) -> Options:
    """`defaults` are the protocol's, where they are not Ollama's; the Modelfile comes before them. Raises `InvalidRequest`."""
    return read_options(
        {**(defaults or {}), **opened.defaults.parameters},
        body.options,
        num_ctx=runtime.settings.context_length,
        num_ctx_train=opened.metadata.context_length,
    )


def submit(
    request: Request,
    runtime: Runtime,
    opened: OpenModel,
    body: RequestBody,
    *,
    options: Options,
    keep_alive: float | None,
    work: Submission | None,
    prompt: int = 0,
) -> RequestStream:
    """Hands the work to the scheduler in the name of the client it is for. What is one `prompt` of the request counts once."""
    note_arrived(request.scope)
    stream = runtime.scheduler.submit(
        ModelRequest(
            model=opened.model,
            num_ctx=options.num_ctx,
            num_ctx_asked=options.num_ctx_asked,
            submit=_addressed(work, scope_of(request, body.hearth.scope), runtime.arrivals.count),
            keep_alive=keep_alive,
            client=client_of(request, body.hearth.client),
            is_background=body.hearth.priority == "background",
            shape=shape_of(opened),
            load_options=options.load,
        )
    )
    usage = usage_of(request.scope)
    # What is only turned into tokens is not counted.
    if usage is not None and not isinstance(work, Tokenize):
        usage.add(stream, prompt)
    return stream


def _addressed(work: Submission | None, scope: str, num_following: int) -> Submission | None:
    """With the scope of what an answer leaves behind; vectors leave nothing."""
    if not isinstance(work, Submit):
        return work
    return msgspec.structs.replace(work, scope=scope, num_following=num_following)
