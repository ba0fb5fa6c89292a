"""Anthropic's endpoints."""

from inference.api.anthropic.schemas import ConversationBody, MessagesBody
from inference.api.openapi.answers import anthropic
from inference.api.openapi.groups.ollama import MODEL
from inference.api.openapi.operation import SSE, Group, Operation, Text

_CONVERSATION = "system tools tool_choice thinking output_config output_format cache_control options keep_alive hearth"
_EXAMPLE = {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}]}

ANTHROPIC = Group(
    "Anthropic",
    Text("Anthropic’s API: for programs made for Claude.", "Anthropic 的 API：用于为 Claude 编写的程序。"),
    (
        Operation(
            method="POST", path="/v1/messages", is_work=True,
            summary=Text("Answer a conversation", "回答对话"),
            description=Text("With stream, server-sent events.", "设置 stream 时返回 server-sent events。"),
            body=MessagesBody, required="model messages max_tokens",
            optional=f"stream stop_sequences temperature top_p top_k {_CONVERSATION}",
            example={**_EXAMPLE, "max_tokens": 100, "stream": True},
            answer=anthropic.Message, stream=(SSE, (anthropic.MessageEvent, anthropic.AnthropicError)), refusals=(404,),
        ),
        Operation(
            method="POST", path="/v1/messages/count_tokens", is_work=True,
            summary=Text("Count the tokens of a conversation", "统计对话的 token 数"),
            body=ConversationBody, required="model messages", optional=_CONVERSATION, example=_EXAMPLE,
            answer=anthropic.TokenCount, refusals=(404,),
        ),
    ),
)  # fmt: skip
