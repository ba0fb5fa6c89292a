"""`POST /v1/responses` and `/v1/responses/input_tokens`."""

from starlette.requests import Request
from starlette.responses import Response

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.chat import prepare_chat
from inference.api.models import json_response
from inference.api.openai.sampling import DEFAULT_OPTIONS
from inference.api.responses.schemas import InputTokensBody, ResponsesBody
from inference.api.responses.tools import read_response_tools
from inference.api.responses.translation import chat_body_of
from inference.api.responses.writer import ResponsesWriter
from inference.api.tokens import count_prompt


async def responses(request: Request) -> Answer:
    body = await read_body(request, ResponsesBody)
    tools = read_response_tools(body.tools, body.tool_choice)
    prepared = await prepare_chat(request, chat_body_of(body, tools), default_options=DEFAULT_OPTIONS, may_not_think=True)
    return Answer([prepared.start()], ResponsesWriter(body, tools), is_streaming=body.stream)


async def input_tokens(request: Request) -> Response:
    """By the model's own template and tokenizer, the tools included; nothing is computed."""
    body = await read_body(request, InputTokensBody)
    tools = read_response_tools(body.tools, body.tool_choice)
    prepared = await prepare_chat(request, chat_body_of(body, tools), default_options=DEFAULT_OPTIONS, may_not_think=True)
    return json_response({"object": "response.input_tokens", "input_tokens": await count_prompt(request, prepared)})
