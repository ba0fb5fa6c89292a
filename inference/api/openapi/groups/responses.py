"""OpenAI's responses."""

from inference.api.openapi.answers import openai, responses
from inference.api.openapi.groups.ollama import MODEL
from inference.api.openapi.operation import SSE, Operation, Text
from inference.api.responses.schemas import InputTokensBody, ResponsesBody

_ASKED = "instructions tools tool_choice parallel_tool_calls reasoning text truncation options keep_alive hearth"

RESPONSES = (
    Operation(
        method="POST", path="/v1/responses", is_work=True,
        summary=Text("Answer a conversation, item by item", "以条目形式回答对话"),
        description=Text(
            "With stream, server-sent events. Nothing is kept: send the whole conversation each time.",
            "设置 stream 时返回 server-sent events。不保存任何内容：每次都要发送完整的对话。",
        ),
        body=ResponsesBody, required="model input",
        optional=f"stream max_output_tokens temperature top_p top_logprobs include metadata {_ASKED}",
        example={"model": MODEL, "input": "Why is the sky blue?", "max_output_tokens": 100, "stream": True},
        answer=responses.Response, stream=(SSE, (responses.ResponseEvent, openai.OpenAIError)), refusals=(404,),
    ),
    Operation(
        method="POST", path="/v1/responses/input_tokens", is_work=True,
        summary=Text("Count the tokens of a conversation", "统计对话的 token 数"),
        body=InputTokensBody, required="model input", optional=_ASKED,
        example={"model": MODEL, "input": "Why is the sky blue?"}, answer=responses.InputTokens, refusals=(404,),
    ),
)  # fmt: skip
