"""What a model can be asked for, told from its files without loading it, in Ollama's words."""

from inference.library.gguf import GGUFMetadata
from inference.prompt.choice import Templates

#: Of the token that begins a text with a gap, under its newer and its older name.
_FILL_KEYS = ("tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id")


def templates_of(metadata: GGUFMetadata, go_template: str, *, prefers_go: bool | None = None) -> Templates:
    """`go_template` is the TEMPLATE that the model was installed with, empty where there is none."""
    jinja = metadata.values.get("tokenizer.chat_template")
    return Templates(go_template or None, jinja if isinstance(jinja, str) and jinja else None, prefers_go)


def capabilities(metadata: GGUFMetadata, *, templates: Templates, has_projector: bool = False) -> list[str]:
    """ "completion", or "embedding", or "rerank"; then "vision", "insert", "tools" and "thinking" as they apply."""
    if metadata.is_reranker:
        return ["rerank"]
    if metadata.is_embedding:
        return ["embedding"]
    found = ["completion"]
    # A file that has its encoder within itself, as Ollama's own engine makes them, is of no use to llama.cpp.
    if has_projector:
        found.append("vision")
    if templates.know_infill or any(key in metadata.values for key in _FILL_KEYS):
        found.append("insert")
    if templates.know_tools:
        found.append("tools")
    if templates.know_thinking:
        found.append("thinking")
    return found
