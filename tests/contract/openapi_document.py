"""The document as a runtime serves it, and answers held against it."""

import json
from typing import Any

import httpx
import jsonschema

from inference.api.openapi.document import build_document

DOCUMENT = build_document("en")
#: Objects whose fields are for others to name.
_OPEN = frozenset({"Options"})


def strict(schema: Any) -> Any:
    """The schema, with no fields allowed beside those that it names: what the document leaves out is found, too."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {
        key: value if key in ("example", "examples", "default", "const", "enum") else strict(value)
        for key, value in schema.items()
    }
    if "properties" in schema and isinstance(schema.get("type"), str):
        changed.setdefault("additionalProperties", False)
    return changed


STRICT = {"schemas": {name: part if name in _OPEN else strict(part) for name, part in DOCUMENT["components"]["schemas"].items()}}


def check(value: Any, schema: dict[str, Any]) -> None:
    """Raises `jsonschema.ValidationError`."""
    jsonschema.Draft202012Validator({**strict(schema), "components": STRICT}).validate(value)


def check_response(path: str, response: httpx.Response) -> None:
    """That the document foretells the answer's status, media type and content. `path` is as the document has it."""
    described = DOCUMENT["paths"][path][response.request.method.lower()]["responses"][str(response.status_code)]
    content = described.get("content")
    if content is None:
        assert response.content == b""
        return
    media_type = response.headers["content-type"].partition(";")[0]
    if "x-item-schema" in content[media_type]:
        for item in items_of(response):
            check(item, content[media_type]["x-item-schema"])
    else:
        check(response.json(), content[media_type]["schema"])


def items_of(response: httpx.Response) -> list[Any]:
    """The objects of a stream."""
    lines = response.text.splitlines()
    if "event-stream" in response.headers["content-type"]:
        lines = [line.removeprefix("data: ") for line in lines if line.startswith("data: ") and line != "data: [DONE]"]
    items = [json.loads(line) for line in lines]
    assert items != []
    return items
