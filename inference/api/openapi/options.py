"""Ollama's `options`: read one by one, so that no struct has them."""

from typing import Any

import msgspec

from inference.api.openapi.operation import Text
from inference.runner.messages import SamplingParams

_INTEGER, _NUMBER, _BOOLEAN, _TEXT = ({"type": kind} for kind in ("integer", "number", "boolean", "string"))
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_KINDS: dict[Any, dict[str, Any]] = {int: _INTEGER, float: _NUMBER, bool: _BOOLEAN}

_OWN: dict[str, tuple[dict[str, Any], Text]] = {
    "num_ctx": (_INTEGER, Text("Context length in tokens.", "上下文长度（token）。")),
    "num_predict": (_INTEGER, Text("Longest answer in tokens; -1 for no limit.", "回答的最大 token 数；-1 表示不限。")),
    "num_keep": (_INTEGER, Text("First tokens that stay when the context is shifted.", "上下文移动时保留的开头 token 数。")),
    "seed": (_INTEGER, Text("The same seed gives the same answer.", "相同的种子得到相同的回答。")),
    "stop": (_TEXTS, Text("Texts that end the answer.", "遇到即结束回答的文本。")),
    "grammar": (_TEXT, Text("GBNF grammar that the answer keeps to.", "回答必须遵守的 GBNF 语法。")),
    "loop_guard": (_BOOLEAN, Text("End an answer that only repeats itself.", "结束不断重复的回答。")),
    "dry_sequence_breakers": (_TEXTS, Text("Texts at which DRY begins anew.", "DRY 重新开始的文本。")),
    "logit_bias": (
        {},
        Text("Tokens to what is added to their logits; false forbids.", "token 的 logit 加值；false 为禁止。"),
    ),
    "num_thread": (_INTEGER, Text("Threads; 0 for automatic.", "线程数；0 表示自动。")),
    "num_batch": (_INTEGER, Text("Largest batch of a prompt, in tokens.", "提示词的最大批大小（token）。")),
    "num_gpu": (_INTEGER, Text("Layers on the GPU; -1 for as many as fit.", "放在 GPU 上的层数；-1 表示尽量多。")),
    "main_gpu": (_INTEGER, Text("Number of the first GPU.", "主 GPU 的编号。")),
    "use_mmap": (_BOOLEAN, Text("Map the file instead of reading it.", "映射文件而不是读入。")),
    "use_mlock": (_BOOLEAN, Text("Keep the model in memory.", "将模型锁定在内存中。")),
    "rope_frequency_base": (_NUMBER, Text("RoPE base frequency.", "RoPE 基础频率。")),
    "rope_frequency_scale": (_NUMBER, Text("RoPE frequency scale.", "RoPE 频率缩放。")),
}


def options_schema(language: str) -> dict[str, Any]:
    """What clients of Ollama send beside these is passed over."""
    sampling = {
        field.encode_name: _KINDS[field.type] | {"default": field.default}
        for field in msgspec.structs.fields(SamplingParams)
        if field.type in _KINDS
    }
    own = {name: schema | {"description": text.in_(language)} for name, (schema, text) in _OWN.items()}
    return {"type": "object", "properties": sampling | own}
