"""What `/api/show` tells of one model: how it behaves, its licence, and the Modelfile that would make it again."""

import json
from dataclasses import dataclass
from typing import Any

from webui.services.inference_events import plain_text
from webui.services.runtime_api import call

#: Characters of a text that a page shows; licences and Modelfiles with several of them are long.
LONGEST_TEXT = 1_000_000
Value = str | int | float | bool


@dataclass(frozen=True)
class ModelDetails:
    """`parameters` by Ollama's names; one that may be given several times, such as `stop`, is a list."""

    system: str
    template: str
    license: str
    modelfile: str
    parameters: dict[str, Value | list[Value]]


def model_details(name: str) -> ModelDetails:
    """Raises what `runtime_api.call` raises."""
    told = call("POST", "/api/show", {"model": name})
    shown: dict[str, Any] = told if isinstance(told, dict) else {}
    licence = shown.get("license")
    texts = licence if isinstance(licence, list) else [licence]
    return ModelDetails(
        system=_text(shown.get("system")),
        template=_text(shown.get("template")),
        license="\n\n".join(filter(None, map(_text, texts))),
        modelfile=_text(shown.get("modelfile")),
        parameters=read_parameters(_text(shown.get("parameters"))),
    )


def read_parameters(text: str) -> dict[str, Value | list[Value]]:
    """Ollama's lines of a name, spaces and a value, where strings stand in quotes; what cannot be read is a string."""
    values: dict[str, list[Value]] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name and value.strip():
            values.setdefault(name, []).append(_value(value.strip()))
    return {name: found if len(found) > 1 or name == "stop" else found[0] for name, found in values.items()}


def _value(text: str) -> Value:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _text(value: object) -> str:
    return plain_text(value)[:LONGEST_TEXT]
