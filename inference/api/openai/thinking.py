"""How much a model is to think, from the names under which clients of different servers ask for it."""

from typing import Any

from inference.errors import InvalidRequest

#: OpenAI's efforts as Ollama's levels; it maps them so too.
_LEVELS: dict[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
}


def read_effort(effort: str, path: str) -> bool | str | None:
    """False, a level, or None when nothing was asked. Raises `InvalidRequest`."""
    if not effort:
        return None
    if effort not in _LEVELS:
        raise InvalidRequest(f"{path} must be one of {', '.join(_LEVELS)}", path)
    return _LEVELS[effort]


def read_template_switch(template_arguments: dict[str, Any]) -> bool | None:
    """Of `chat_template_kwargs`, the switch of Qwen's templates or of DeepSeek's; None when neither is there."""
    for name in ("enable_thinking", "thinking"):
        if isinstance(template_arguments.get(name), bool):
            return bool(template_arguments[name])
    return None
