"""`POST /v1/messages` and `/v1/messages/count_tokens`."""

import dataclasses

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.anthropic.schemas import ConversationBody, MessagesBody
from inference.api.anthropic.translation import chat_body_of, marks_cache
from inference.api.anthropic.writer import MessagesWriter
from inference.api.body import read_body
from inference.api.chat import prepare_chat
from inference.api.error_shapes import new_request_id
from inference.api.models import json_response
from inference.api.openai.sampling import DEFAULT_OPTIONS
from inference.api.prepared import Prepared
from inference.api.tokens import count_prompt


async def messages(request: Request) -> Answer:
    body = await read_body(request, MessagesBody)
    prepared = await prepare_chat(request, chat_body_of(body), default_options=DEFAULT_OPTIONS, may_not_think=True)
    writer = MessagesWriter(
        body.model,
        max_tokens=body.max_tokens or 0,
        stop_sequences=body.stop_sequences,
        tells_cache=marks_cache(body),
        hides_thinking=body.thinking is not None and body.thinking.display == "omitted",
        wants_events=body.hearth.events,
    )
    headers = [(b"request-id", new_request_id().encode())]
    return Answer([_told_size(prepared).start()], writer, is_streaming=body.stream, headers=headers)


async def count_tokens(request: Request) -> Response:
    """By the model's own template and tokenizer, the tools included; nothing is computed."""
    body = await read_body(request, ConversationBody)
    prepared = await prepare_chat(request, chat_body_of(body), default_options=DEFAULT_OPTIONS, may_not_think=True)
    response = json_response({"input_tokens": await count_prompt(request, prepared)})
    response.headers["request-id"] = new_request_id()
    return response


def _told_size(prepared: Prepared) -> Prepared:
    """A stream begins with the number of the prompt's tokens."""
    assert prepared.work is not None, "without messages nothing is prepared"
    work = msgspec.structs.replace(prepared.work, wants_prompt_size=True)
    return dataclasses.replace(prepared, work=work)
