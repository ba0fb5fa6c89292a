"""`response_format`: what an answer has to be, as the `format` of `/api/chat`."""

from typing import Any

from inference.api.openai.schemas import ResponseFormatBody
from inference.errors import InvalidRequest

_KINDS = ("text", "json_object", "json_schema")


def read_response_format(asked: ResponseFormatBody | None) -> Any:
    """None, "json" or a JSON schema, which is kept to by grammar whether it is `strict` or not. Raises `InvalidRequest`."""
    if asked is None or asked.type == "text":
        return None
    if asked.type not in _KINDS:
        raise InvalidRequest(f"response_format.type must be one of {', '.join(_KINDS)}", "response_format.type")
    if asked.type == "json_object":
        return "json" if asked.schema is None else asked.schema
    schema = asked.json_schema.schema if asked.json_schema is not None else None
    if schema is None:
        raise InvalidRequest("response_format.json_schema.schema is required", "response_format.json_schema.schema")
    return schema
