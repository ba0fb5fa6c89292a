"""OpenAI's sampling fields as Ollama's `options`."""

from typing import Any

from inference.api.openai.schemas import OpenAIBody
from inference.errors import InvalidRequest

#: What OpenAI documents; a Modelfile's own values come before them, a request's before those.
DEFAULT_OPTIONS = {"temperature": 1.0, "top_p": 1.0}
#: Fields that are options under the same name.
_SAME = (
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "seed",
    "top_k", "min_p", "repeat_penalty", "num_ctx", "grammar",
)  # fmt: skip
_FORBIDDEN = -100
_GO_NAMES = {bool: "bool", int: "float64", float: "float64", dict: "map[string]interface {}"}


def read_sampling(body: OpenAIBody, max_tokens: int | None) -> dict[str, Any]:
    """Raises `InvalidRequest`. The values are checked where `/api/chat` checks them."""
    asked = {name: getattr(body, name) for name in _SAME}
    asked["num_predict"] = max_tokens
    asked["stop"] = _stop(body.stop)
    asked["logit_bias"] = _biases(body.logit_bias)
    return body.options | {name: value for name, value in asked.items() if value is not None}


def _stop(stop: Any) -> list[str] | None:
    """An empty list stops at nothing, not even at what the Modelfile names."""
    if stop is None:
        return None
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list):
        raise InvalidRequest(f"invalid type for 'stop' field: {_GO_NAMES.get(type(stop), 'unknown')}", "stop")
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRequest("stop must be a string or an array of strings", "stop")
    return texts


def _biases(biases: dict[str, Any] | None) -> dict[str, Any] | None:
    if not biases:
        return None
    is_number = {token: isinstance(bias, int | float) and not isinstance(bias, bool) for token, bias in biases.items()}
    return {token: False if is_number[token] and bias <= _FORBIDDEN else bias for token, bias in biases.items()}
