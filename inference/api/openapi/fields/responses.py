"""Fields of OpenAI's Responses API."""

from inference.api.openapi.fields.field import Field, explain

_RESPONSE_INPUT = explain(
    "A text, or items: messages, function calls and their outputs, reasoning.",
    "文本，或条目：消息、函数调用及其结果、思考。",
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
)
_RESPONSE_CHOICE = explain("none, auto, required, or one function.", "none、auto、required 或指定的函数。")
_RESPONSE_TOOLS = explain(
    "Tools the model may call: functions with name, description and parameters, custom ones, or a namespace of both.",
    "模型可以调用的工具：包含 name、description 和 parameters 的函数、custom 工具，或由它们组成的 namespace。",
    {"type": "array", "items": {"type": "object"}},
)

RESPONSES: dict[str, Field] = {
    "InputTokensBody.input": _RESPONSE_INPUT,
    "ResponsesBody.input": _RESPONSE_INPUT,
    "InputTokensBody.tool_choice": _RESPONSE_CHOICE,
    "ResponsesBody.tool_choice": _RESPONSE_CHOICE,
    "InputTokensBody.tools": _RESPONSE_TOOLS,
    "ResponsesBody.tools": _RESPONSE_TOOLS,
    "instructions": explain("System prompt.", "系统提示词。"),
    "truncation": explain("auto leaves the oldest messages out where there are too many.", "auto 表示消息过多时去掉最早的消息。"),
    "text": explain("Format of the answer.", "回答的格式。"),
    "TextBody.format": explain(
        "text, json_object, or json_schema with a schema.", "text、json_object，或带 schema 的 json_schema。"
    ),
    "verbosity": explain("Changes nothing.", "不影响结果。"),
    "TextFormatBody.type": explain("text, json_object or json_schema.", "text、json_object 或 json_schema。"),
    "TextFormatBody.name": explain("A name for it, which changes nothing.", "名称，不影响结果。"),
    "TextFormatBody.description": explain("Changes nothing.", "不影响结果。"),
    "strict": explain("The answer is always valid against the schema.", "回答始终符合 schema。"),
    "ResponsesReasoningBody.summary": explain("Shows the thinking as a summary.", "以摘要形式显示思考内容。"),
    "generate_summary": explain("The older name of summary.", "summary 的旧名称。"),
    "max_output_tokens": explain("Longest answer, in tokens.", "回答的最大 token 数。"),
    "include": explain(
        "message.output_text.logprobs and reasoning.encrypted_content.",
        "message.output_text.logprobs 和 reasoning.encrypted_content。",
    ),
    "metadata": explain("Comes back with the answer.", "随回答返回。"),
}
