"""The runtime's OpenAPI document, made ready to be shown: endpoints by protocol, and the objects that requests are made of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webui.services.runtime_api import call

_REF = "#/components/schemas/"


@dataclass(frozen=True)
class Field:
    """`kind` is a type's name, `ref` the object of the page that explains it, "" where none does."""

    name: str
    kind: str
    ref: str
    is_required: bool
    default: str
    text: str


@dataclass(frozen=True)
class Endpoint:
    """`example` is JSON, "" for an endpoint without a body; `path` may have `{name}` for the parameters."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    fields: list[Field]
    example: str
    takes_bytes: bool
    streams: bool


@dataclass(frozen=True)
class Group:
    name: str
    text: str
    endpoints: list[Endpoint]


@dataclass(frozen=True)
class Object:
    name: str
    fields: list[Field]


@dataclass(frozen=True)
class Reference:
    groups: list[Group]
    objects: list[Object]


def read_reference(language: str, model: str) -> Reference:
    """`language` is the person's; `model`, unless empty, takes the place of the examples' model. Raises what
    `runtime_api.call` raises: `NotSupported` where the runtime is one without a document."""
    document = call("GET", f"/openapi.json?language={'zh-hans' if language.startswith('zh') else 'en'}")
    endpoints = list(_endpoints(document, model))
    groups = [
        Group(tag["name"], tag["description"], [endpoint for name, endpoint in endpoints if name == tag["name"]])
        for tag in document["tags"]
    ]
    return Reference(groups, _objects(document, endpoints))


def _endpoints(document: dict[str, Any], model: str) -> Iterator[tuple[str, Endpoint]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            body = content.get("application/json", {})
            schema = body.get("schema", {})
            answer = operation["responses"].get("200", {}).get("content", {})
            yield (
                operation["tags"][0],
                Endpoint(
                    id=operation["operationId"].replace("_", "-"),
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    description=operation.get("description", ""),
                    parameters=operation.get("parameters", []),
                    fields=_fields(schema),
                    example=_example(body["example"], model) if body else "",
                    takes_bytes="application/octet-stream" in content,
                    streams=len(answer) > 1,
                ),
            )


def _example(example: dict[str, Any], model: str) -> str:
    """The starter model may be gone."""
    known = {"model", "from", "source"} if model else set()
    changed = {key: model if key in known and value == "smollm2:135m" else value for key, value in example.items()}
    return json.dumps(changed, indent=2, ensure_ascii=False)


def _objects(document: dict[str, Any], endpoints: list[tuple[str, Endpoint]]) -> list[Object]:
    """Those that fields of requests, or of such objects, are made of; in the order in which they come up."""
    schemas, found = document["components"]["schemas"], {}
    waiting = [field.ref for _, endpoint in endpoints for field in endpoint.fields]
    while waiting:
        name = waiting.pop(0)
        if name and name not in found:
            found[name] = Object(name, _fields(schemas[name]))
            waiting += [field.ref for field in found[name].fields]
    return list(found.values())


def _fields(schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", [])
    return [_field(name, part, name in required) for name, part in schema.get("properties", {}).items()]


def _field(name: str, schema: dict[str, Any], is_required: bool) -> Field:
    default = schema.get("default")
    return Field(
        name=name,
        kind=_kind(schema),
        ref=_ref(schema),
        is_required=is_required,
        default="" if default is None else json.dumps(default, ensure_ascii=False),
        text=schema.get("description", ""),
    )


def _kind(schema: dict[str, Any]) -> str:
    """In JSON schema's words, which are the same in every language."""
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_kind(part) for part in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"{_kind(schema.get('items', {}))}[]"
    return "object" if "$ref" in schema else schema.get("type", "any")


def _ref(schema: dict[str, Any]) -> str:
    parts = [schema, schema.get("items", {}), *schema.get("anyOf", [])]
    return next((part["$ref"].removeprefix(_REF) for part in parts if "$ref" in part), "")
