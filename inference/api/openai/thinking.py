"""How much a model is to think, from the names under which clients of different servers ask for it."""

from inference.api.openai.schemas import ChatCompletionBody
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


def read_switch(body: ChatCompletionBody) -> bool | None:
    """As other servers have it: DashScope's and SiliconFlow's `enable_thinking`, Zhipu's, DeepSeek's and Volcengine's `thinking`,
    OpenRouter's `reasoning.enabled`, and in vLLM's `chat_template_kwargs` the switch of Qwen's templates or of DeepSeek's. None
    when none is there; a type that leaves it to the model is none."""
    arguments = body.chat_template_kwargs
    kind = body.thinking.get("type") if body.thinking else None
    switches = [
        body.enable_thinking,
        True if kind == "enabled" else False if kind == "disabled" else None,
        body.reasoning.enabled,
        *(arguments.get(name) for name in ("enable_thinking", "thinking")),
    ]
    return next((switch for switch in switches if isinstance(switch, bool)), None)
