"""From a request to `/v1/responses` to that of `/api/chat`."""

from typing import Any

from inference.api.openai.thinking import read_effort
from inference.api.responses.items import ItemReader
from inference.api.responses.schemas import InputTokensBody, ResponsesBody, TextFormatBody
from inference.api.responses.tools import ResponseTools
from inference.api.schemas import ChatBody, MessageBody
from inference.errors import InvalidRequest

LOGPROBS = "message.output_text.logprobs"
_TRUNCATIONS = ("auto", "disabled")
_MAX_METADATA = 16


def chat_body_of(body: InputTokensBody, tools: ResponseTools) -> ChatBody:
    """`tools` are the body's. Raises `InvalidRequest` naming the field at fault."""
    _check_kept(body)
    if body.truncation not in _TRUNCATIONS:
        raise InvalidRequest(f"truncation must be one of {', '.join(_TRUNCATIONS)}", "truncation")
    messages = ItemReader(tools).read(body.input)
    if body.instructions:
        messages = [MessageBody(role="system", content=body.instructions), *messages]
    wishes = _wishes(body) if isinstance(body, ResponsesBody) else {}
    return ChatBody(
        model=body.model,
        messages=messages,
        tools=tools.offered.tools,
        tool_choice=tools.offered.choice,
        parallel_tool_calls=body.parallel_tool_calls,
        format=_format(body.text.format),
        think=read_effort(body.reasoning.effort, "reasoning.effort"),
        keep_alive=body.keep_alive,
        truncate=body.truncation == "auto",
        hearth=body.hearth,
        **({"options": body.options} | wishes),
    )


def _check_kept(body: InputTokensBody) -> None:
    for name in ("previous_response_id", "conversation", "prompt"):
        if getattr(body, name):
            raise InvalidRequest(f"{name} is not supported: nothing is kept here, send the whole conversation as input", name)
    if isinstance(body, ResponsesBody) and body.background:
        raise InvalidRequest("background is not supported: nothing is kept here that could be fetched later", "background")


def _wishes(body: ResponsesBody) -> dict[str, Any]:
    if body.max_output_tokens is not None and body.max_output_tokens < 1:
        raise InvalidRequest("max_output_tokens must be positive", "max_output_tokens")
    if len(body.metadata) > _MAX_METADATA:
        raise InvalidRequest(f"metadata must have at most {_MAX_METADATA} entries", "metadata")
    asked = {"num_predict": body.max_output_tokens, "temperature": body.temperature, "top_p": body.top_p}
    return {
        "options": body.options | {name: value for name, value in asked.items() if value is not None},
        "logprobs": LOGPROBS in body.include,
        "top_logprobs": body.top_logprobs or 0,
    }


def _format(asked: TextFormatBody | None) -> Any:
    if asked is None or asked.type in ("", "text"):
        return None
    if asked.type == "json_object":
        return "json"
    if asked.type != "json_schema":
        raise InvalidRequest("text.format.type must be one of text, json_object, json_schema", "text.format.type")
    if asked.schema is None:
        raise InvalidRequest("text.format.schema is required", "text.format.schema")
    return asked.schema
