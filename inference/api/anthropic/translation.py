"""From a request in Anthropic's shape to that of `/api/chat`."""

from typing import Any

from inference.api.anthropic.messages import read_conversation
from inference.api.anthropic.schemas import ConversationBody, MessagesBody, OutputFormatBody
from inference.api.anthropic.tools import read_choice, read_client_tools
from inference.api.openai.thinking import read_effort
from inference.api.schemas import ChatBody
from inference.errors import InvalidRequest

_THINKING = ("enabled", "adaptive", "between_tools")


def chat_body_of(body: ConversationBody) -> ChatBody:
    """A prompt that is longer than the context is refused, as Anthropic does: clients shorten it themselves then.
    Raises `InvalidRequest` naming the field at fault."""
    if not body.model:
        raise InvalidRequest("model is required", "model")
    options = _sampling(body) if isinstance(body, MessagesBody) else {}
    if not body.messages:
        raise InvalidRequest("messages is required", "messages")
    return ChatBody(
        model=body.model,
        messages=read_conversation(body.system, body.messages),
        tools=read_client_tools(body.tools),
        tool_choice=read_choice(body.tool_choice),
        parallel_tool_calls=body.tool_choice is None or not body.tool_choice.disable_parallel_tool_use,
        format=_format(body),
        options=body.options | options,
        think=_think(body),
        keep_alive=body.keep_alive,
        truncate=False,
        hearth=body.hearth,
    )


def marks_cache(body: ConversationBody) -> bool:
    """Whether anything in it is marked to be cached: then `usage` is told in three parts."""
    contents = [body.system, *(message.content for message in body.messages)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    marked = (item.get("cache_control") for item in [*blocks, *body.tools] if isinstance(item, dict))
    return any(mark is not None for mark in [body.cache_control, *marked])


def _sampling(body: MessagesBody) -> dict[str, Any]:
    if body.max_tokens is None or body.max_tokens < 1:
        raise InvalidRequest("max_tokens is required and must be positive", "max_tokens")
    for name in ("temperature", "top_p"):
        value = getattr(body, name)
        if value is not None and not 0 <= value <= 1:
            raise InvalidRequest(f"{name} must be from 0 to 1", name)
    if body.top_k is not None and body.top_k < 0:
        raise InvalidRequest("top_k must be 0 or more", "top_k")
    asked = {"temperature": body.temperature, "top_p": body.top_p, "top_k": body.top_k, "stop": body.stop_sequences or None}
    return {name: value for name, value in asked.items() if value is not None} | {"num_predict": body.max_tokens}


def _format(body: ConversationBody) -> Any:
    asked: OutputFormatBody | None = body.output_config.format or body.output_format
    if asked is None:
        return None
    path = "output_config.format" if body.output_config.format is not None else "output_format"
    if asked.type != "json_schema":
        raise InvalidRequest(f"{path}.type must be json_schema", f"{path}.type")
    if asked.schema is None:
        raise InvalidRequest(f"{path}.schema is required", f"{path}.schema")
    return asked.schema


def _think(body: ConversationBody) -> bool | str:
    """Nothing is thought unless it was asked for: a client that did not ask expects that an answer begins with its text."""
    effort = read_effort(body.output_config.effort, "output_config.effort")
    thinking = body.thinking
    if thinking is None or thinking.type == "disabled":
        return False
    if thinking.type not in _THINKING:
        raise InvalidRequest(f"thinking.type must be disabled, {', '.join(_THINKING)}", "thinking.type")
    if thinking.type == "enabled":
        _check_budget(thinking.budget_tokens)
    return True if effort is None else effort


def _check_budget(budget: int | None) -> None:
    """It may be more than `max_tokens`: of thinking between calls of tools, it is for all of them together."""
    if budget is None or budget < 1:
        raise InvalidRequest("thinking.budget_tokens is required and must be positive", "thinking.budget_tokens")
