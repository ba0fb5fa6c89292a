"""`POST /v1/chat/completions`: the conversation becomes a `ChatBody` and is prepared as for `/api/chat`."""

from typing import Any

from starlette.requests import Request

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.chat import prepare_chat
from inference.api.openai.chat_writer import ChatWriter
from inference.api.openai.choices import check_choices, start_choices
from inference.api.openai.messages import read_messages
from inference.api.openai.response_format import read_response_format
from inference.api.openai.sampling import DEFAULT_OPTIONS, read_sampling
from inference.api.openai.schemas import ChatCompletionBody
from inference.api.openai.thinking import read_effort, read_switch
from inference.api.openai.tools import read_offered_tools
from inference.api.schemas import ChatBody


async def chat_completions(request: Request) -> Answer:
    body = await read_body(request, ChatCompletionBody)
    check_choices(body.n)
    asked = chat_body_of(body)
    prepared = await prepare_chat(request, asked, default_options=DEFAULT_OPTIONS, may_not_think=body.think is None)
    writer = ChatWriter(
        body.model,
        num_choices=body.n,
        includes_usage=body.stream_options.include_usage,
        wants_events=body.hearth.events,
    )
    return Answer(start_choices([prepared], body.n), writer, is_streaming=body.stream)


def chat_body_of(body: ChatCompletionBody) -> ChatBody:
    """Raises `InvalidRequest` naming the field at fault."""
    offered = read_offered_tools(body)
    max_tokens = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    return ChatBody(
        model=body.model,
        stream=body.stream,
        messages=read_messages(body.messages),
        tools=offered.tools,
        tool_choice=offered.choice,
        parallel_tool_calls=body.parallel_tool_calls,
        format=read_response_format(body.response_format),
        options=read_sampling(body, max_tokens),
        think=_think(body),
        logprobs=body.logprobs,
        top_logprobs=body.top_logprobs,
        keep_alive=body.keep_alive,
        truncate=body.truncate,
        shift=body.shift,
        hearth=body.hearth,
    )


def _think(body: ChatCompletionBody) -> Any:
    """What is asked for plainly comes before what is asked for in other servers' words."""
    if body.think is not None:
        return body.think
    efforts = (body.reasoning_effort, "reasoning_effort"), (body.reasoning.effort, "reasoning.effort")
    asked = [read_effort(*effort) for effort in efforts] + [read_switch(body)]
    return next((wish for wish in asked if wish is not None), None)
