"""What a request asks of its answer beside its options: a format, log probabilities, what to do at the context's end."""

import json
from typing import Any

import msgspec

from inference.api.options import Options
from inference.api.schemas import RequestBody
from inference.errors import InvalidRequest
from inference.runner.messages import Submit

#: Any object, as Ollama's grammar for "json" has it.
_ANY_OBJECT = json.dumps({"type": "object"})
_SHOWN_CHARACTERS = 100


def with_wishes(work: Submit, body: RequestBody, options: Options) -> Submit:
    """Raises `InvalidRequest`."""
    return msgspec.structs.replace(
        work,
        grammar=options.grammar,
        json_schema=json_schema_of(body.format),
        logprobs=body.logprobs,
        top_logprobs=body.top_logprobs,
        loop_guard=body.hearth.loop_guard and options.loop_guard,
        shift=body.shift,
        num_keep=options.num_keep,
        is_render_only=body.debug_render_only,
    )


def json_schema_of(value: Any) -> str:
    """A request's `format` as JSON schema, itself in JSON; empty when none was asked for. Raises `InvalidRequest`."""
    if value is None or value == "":
        return ""
    if value == "json":
        return _ANY_OBJECT
    if isinstance(value, dict):
        try:
            return json.dumps(value)
        except RecursionError:
            raise InvalidRequest("format is nested too deeply", "format") from None
    shown = json.dumps(value)[:_SHOWN_CHARACTERS]
    raise InvalidRequest(f'invalid format: {shown}; expected "json" or a valid JSON Schema object', "format")
