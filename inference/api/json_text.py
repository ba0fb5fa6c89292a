"""The JSON of a request, read as permissively as Ollama reads it.

The web process reads with it which model a request names, before it passes the request on: what one of the two understood
otherwise than the other would be a way around who may use which model.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from inference.errors import InvalidRequest

MAX_BODY_BYTES = 32 * 1024 * 1024

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Pairs = list[tuple[str, Any]]


def decode_json(content: bytes, object_of: Callable[[Pairs], Any] | None = None) -> Any:
    """The first value; whatever follows it is passed over. `object_of` makes what stands for an object from all its pairs,
    whose texts are as they were spelled, see `scrub`.

    Raises `InvalidRequest`, also for what is nested too deeply.
    """
    text = content.decode("utf-8-sig", errors="replace").lstrip(" \t\r\n")
    if not text:
        raise InvalidRequest("missing request body")
    try:
        value, _ = json.JSONDecoder(object_pairs_hook=object_of, parse_constant=_refuse_constant).raw_decode(text)
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None
    except ValueError as error:
        # The message quotes the position but, unlike the document, nothing a client sent.
        reason = error.msg if isinstance(error, json.JSONDecodeError | _NoNumber) else "a number has too many digits"
        raise InvalidRequest(f"the request body is not valid JSON: {reason}") from None
    return scrub(value) if object_of is None and _SURROGATE.search(text) else value


def scrub(value: Any) -> Any:
    """Half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes a replacement character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [scrub(item) for item in value]
    if isinstance(value, dict):
        return {scrub(key): scrub(item) for key, item in value.items()}
    return value


class _NoNumber(ValueError):
    def __init__(self, name: str) -> None:
        self.msg = f"{name} is no number"


def _refuse_constant(name: str) -> None:
    raise _NoNumber(name)
