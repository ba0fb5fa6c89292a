"""What a model can be asked for, told from its files without loading it, in Ollama's words."""

from inference.harmony import speaks_harmony
from inference.library.gguf import GGUFMetadata

#: Of the token that begins a text with a gap, under its newer and its older name.
_FILL_KEYS = ("tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id")


def capabilities(metadata: GGUFMetadata, *, template: str = "", has_projector: bool = False) -> list[str]:
    """ "completion", or "embedding", or "rerank"; then "vision", "insert", "tools" and "thinking" as they apply.

    `template` is the one that the model was installed with, if any; the file's own is looked at too.
    """
    if metadata.is_reranker:
        return ["rerank"]
    if metadata.is_embedding:
        return ["embedding"]
    found = ["completion"]
    jinja = metadata.values.get("tokenizer.chat_template")
    texts = [template, jinja if isinstance(jinja, str) else ""]
    # A file that has its encoder within itself, as Ollama's own engine makes them, is of no use to llama.cpp.
    if has_projector:
        found.append("vision")
    if ".Suffix" in template or any(key in metadata.values for key in _FILL_KEYS):
        found.append("insert")
    if any(_knows_tools(text) for text in texts):
        found.append("tools")
    if any(_knows_thinking(text) for text in texts):
        found.append("thinking")
    return found


def _knows_tools(template: str) -> bool:
    return ".Tools" in template or "tools" in template or "tool_call" in template


def _knows_thinking(template: str) -> bool:
    has_tags = any(f"<{name}>" in template and f"</{name}>" in template for name in ("think", "seed:think"))
    return ".Thinking" in template or has_tags or speaks_harmony(template)
