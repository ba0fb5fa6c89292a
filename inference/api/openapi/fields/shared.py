"""Fields that several protocols have."""

from inference.api.openapi.fields.field import Field, explain

_TOOL = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "parameters": {"type": "object", "description": "JSON schema"},
            },
            "required": ["name"],
        },
    },
    "required": ["function"],
}
_CHOICE = {
    "anyOf": [
        {"enum": ["none", "auto", "required"]},
        {
            "type": "object",
            "properties": {
                "type": {"const": "function"},
                "function": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
            },
            "required": ["type", "function"],
        },
    ]
}
_KEEP_ALIVE = {"anyOf": [{"type": "string", "examples": ["5m"]}, {"type": "number"}]}
_THINK = {"anyOf": [{"type": "boolean"}, {"enum": ["low", "medium", "high", "max"]}]}
_OPTIONS = {"$ref": "#/components/schemas/Options"}

SHARED: dict[str, Field] = {
    "model": explain("Name of the model.", "模型名称。"),
    "name": explain("The older name of model.", "model 的旧名称。"),
    "stream": explain("Whether the answer comes piece by piece.", "是否逐段返回回答。"),
    "messages": explain("The conversation so far, oldest message first.", "到目前为止的对话，最早的消息在前。"),
    "tools": explain("Functions the model may call.", "模型可以调用的函数。", {"type": "array", "items": _TOOL}),
    "tool_choice": explain(
        "Whether tools are called: none, auto, required, or one named function.",
        "是否调用工具：none、auto、required，或指定的一个函数。",
        _CHOICE,
    ),
    "parallel_tool_calls": explain("Whether one answer may call several tools.", "一次回答是否可以调用多个工具。"),
    "logprobs": explain("Whether the log probability of each token comes back.", "是否返回每个 token 的对数概率。"),
    "top_logprobs": explain(
        "How many likely tokens are named at each place, up to 20.", "每个位置列出多少个可能的 token，最多 20 个。"
    ),
    "keep_alive": explain(
        "How long the model stays loaded afterwards: a duration such as 5m, seconds, 0 to unload, -1 for ever.",
        "回答后模型保持加载多久：如 5m 的时长、秒数，0 表示卸载，-1 表示一直保持。",
        _KEEP_ALIVE,
    ),
    "options": explain("Sampling and loading options.", "采样和加载选项。", _OPTIONS),
    "think": explain("Whether, or how hard, the model thinks first.", "模型是否先思考，以及思考的程度。", _THINK),
    "truncate": explain(
        "Whether what is too long for the context is cut; if not, it is refused.", "超出上下文的内容是否截断；否则拒绝请求。"
    ),
    "shift": explain(
        "Whether the answer goes on past the end of the context by dropping its beginning.",
        "上下文用完时，是否丢弃开头以继续回答。",
    ),
    "hearth": explain("What Hearth adds to the protocol.", "Hearth 对协议的补充。"),
    "suffix": explain("Text that follows the answer, for models that fill in.", "回答之后的文本，用于支持填充的模型。"),
    "images": explain("Images in base64, for models that see.", "base64 编码的图片，用于支持视觉的模型。"),
    "dimensions": explain("Keep only so many numbers of each vector; 0 keeps all.", "每个向量只保留这么多维；0 表示全部保留。"),
    "prompt": explain("The text to go on from.", "要续写的文本。"),
    "grammar": explain("GBNF grammar that the answer keeps to.", "回答必须遵守的 GBNF 语法。"),
    "seed": explain("The same seed gives the same answer.", "相同的种子得到相同的回答。"),
}
