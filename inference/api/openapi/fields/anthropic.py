"""Fields of Anthropic's API."""

from inference.api.openapi.fields.field import PARTS, Field, explain

_NAMED_TOOLS = explain(
    "Tools the model may use, each with name, description and input_schema.",
    "模型可以使用的工具，包含 name、description 和 input_schema。",
    {"type": "array", "items": {"type": "object", "required": ["name"]}},
)
_ANTHROPIC_CHOICE = explain("Whether a tool is used: auto, any, none, or one tool.", "是否使用工具：auto、any、none 或指定工具。")
_THINKING = explain("Whether the model thinks first.", "模型是否先思考。")

ANTHROPIC: dict[str, Field] = {
    "AnthropicMessageBody.role": explain("user, assistant or system.", "user、assistant 或 system。"),
    "AnthropicMessageBody.content": explain(
        "A text, or blocks: text, image, document, tool_use, tool_result, thinking.",
        "文本，或 text、image、document、tool_use、tool_result、thinking 组成的块。",
        PARTS,
    ),
    "ConversationBody.system": explain("System prompt: a text, or text blocks.", "系统提示词：文本或文本块。", PARTS),
    "MessagesBody.system": explain("System prompt: a text, or text blocks.", "系统提示词：文本或文本块。", PARTS),
    "ConversationBody.tools": _NAMED_TOOLS,
    "MessagesBody.tools": _NAMED_TOOLS,
    "ConversationBody.tool_choice": _ANTHROPIC_CHOICE,
    "MessagesBody.tool_choice": _ANTHROPIC_CHOICE,
    "ConversationBody.thinking": _THINKING,
    "MessagesBody.thinking": _THINKING,
    "output_config": explain("How hard to think, and the format of the answer.", "思考的程度和回答的格式。"),
    "output_format": explain("The older place of output_config.format.", "output_config.format 的旧位置。"),
    "OutputConfigBody.format": explain("A JSON schema that the answer is always valid against.", "回答始终符合的 JSON schema。"),
    "OutputFormatBody.type": explain("json_schema.", "只能是 json_schema。"),
    "OutputConfigBody.effort": explain("low, medium, high, xhigh or max.", "low、medium、high、xhigh 或 max。"),
    "AnthropicToolChoiceBody.type": explain("auto, any, tool or none.", "auto、any、tool 或 none。"),
    "AnthropicToolChoiceBody.name": explain("Name of the tool.", "工具名称。"),
    "disable_parallel_tool_use": explain("At most one call in an answer.", "一次回答最多调用一个工具。"),
    "ThinkingBody.type": explain(
        "enabled, adaptive, between_tools or disabled.", "enabled、adaptive、between_tools 或 disabled。"
    ),
    "budget_tokens": explain("Checked, and bounds nothing.", "会检查，但不限制思考长度。"),
    "display": explain("omitted does not show the thinking.", "omitted 表示不显示思考内容。"),
    "cache_control": explain("Decides how usage tells what was computed before.", "决定 usage 中如何表示已缓存的 token。"),
    "stop_sequences": explain("Texts that end the answer.", "遇到即结束回答的文本。"),
}
