"""Makes the document: OpenAPI 3.1, in one language."""

import functools
from collections.abc import Iterator
from typing import Any

import msgspec

from inference.api.error_shapes import anthropic_error, openai_error, shape_of_path
from inference.api.openapi.answers.anthropic import AnthropicError
from inference.api.openapi.answers.hearth import WrongOffset
from inference.api.openapi.answers.ollama import OllamaError
from inference.api.openapi.answers.openai import OpenAIError
from inference.api.openapi.fields import field_of
from inference.api.openapi.groups import GROUPS
from inference.api.openapi.operation import BYTES, JSON, NDJSON, Group, Operation, Parameter, Text
from inference.api.openapi.options import options_schema
from inference.version import VERSION

_REF = "#/components/schemas/{name}"
_REASONS = {
    400: Text("What is wrong with the request; errors name the field.", "请求有误；错误中会指出字段。"),
    401: Text("Not signed in there.", "未登录。"),
    404: Text("There is no such thing.", "不存在。"),
    408: Text("The body did not arrive in time.", "请求正文未及时到达。"),
    409: Text("Not possible in this state.", "当前状态下不可行。"),
    413: Text("The body is too large.", "请求正文过大。"),
    415: Text("The body is compressed in a way that is not read here.", "请求正文的压缩方式不受支持。"),
    500: Text("Something failed here, or at a registry; the error says what.", "服务器或仓库出错；错误中有说明。"),
    503: Text("No place or memory now: try again after Retry-After seconds.", "暂无空位或内存：请在 Retry-After 秒后重试。"),
    507: Text("The disk is full.", "磁盘已满。"),
}
_SAID = Text(
    "What Hearth’s model runtime answers, in the shapes of Ollama, OpenAI and Anthropic.",
    "Hearth 模型运行时的接口，采用 Ollama、OpenAI 和 Anthropic 的格式。",
)
_DONE = Text("Done.", "完成。")


@functools.cache
def build_document(language: str) -> dict[str, Any]:
    """`language` is "en" or "zh-hans"."""
    writer = _Writer(language)
    paths: dict[str, Any] = {}
    for group in GROUPS:
        for operation in group.operations:
            paths.setdefault(operation.path, {})[operation.method.lower()] = writer.operation(group, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hearth", "version": VERSION, "description": _SAID.in_(language)},
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}],
        "tags": [{"name": group.name, "description": group.text.in_(language)} for group in GROUPS],
        "paths": paths,
        "components": {
            "schemas": writer.components(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Writer:
    def __init__(self, language: str) -> None:
        self._language = language
        types = list(_types())
        schemas, self._components = msgspec.json.schema_components(types, ref_template=_REF)
        self._schemas = dict(zip(map(repr, types), schemas, strict=True))
        self._bodies = {operation.body.__name__ for operation in _operations() if operation.body is not None}
        for name, component in self._components.items():
            _drop_defaults_of_structs(component)
            if _is_read(name):
                self._explain(name, component)

    def components(self) -> dict[str, Any]:
        """Bodies stand at their operations, since each shows fields of its own."""
        kept = {name: schema for name, schema in self._components.items() if name not in self._bodies}
        return {**kept, "Options": options_schema(self._language)}

    def operation(self, group: Group, operation: Operation) -> dict[str, Any]:
        described: dict[str, Any] = {
            "operationId": operation.id,
            "tags": [group.name],
            "summary": operation.summary.in_(self._language),
        }
        if operation.description is not None:
            described["description"] = operation.description.in_(self._language)
        if operation.parameters:
            described["parameters"] = [self._parameter(parameter) for parameter in operation.parameters]
        if operation.body is not None:
            content = {"schema": self._body(operation, operation.body), "example": operation.example}
            described["requestBody"] = {"required": True, "content": {JSON: content}}
        elif operation.takes_bytes:
            described["requestBody"] = {"required": True, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
        described["responses"] = {
            **{str(status): self._answer(operation, status) for status in operation.statuses},
            **{str(status): self._refusal(operation, status) for status in _refusals(operation)},
        }
        return described

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "description": parameter.text.in_(self._language)}
        example = {} if parameter.example is None else {"example": parameter.example}
        return {**shown, "required": parameter.place != "query", "schema": parameter.schema, **example}

    def _body(self, operation: Operation, body: type[msgspec.Struct]) -> dict[str, Any]:
        known = self._components[body.__name__]["properties"]
        required, optional = operation.required.split(), operation.optional.split()
        properties = {name: known[name] for name in (*required, *optional)}
        return {"type": "object", "properties": properties} | ({"required": required} if required else {})

    def _answer(self, operation: Operation, status: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"description": _DONE.in_(self._language)}
        content: dict[str, Any] = {}
        if operation.answer is not None:
            content[operation.media_type] = {"schema": self._schemas[repr(operation.answer)]}
        if operation.stream is not None:
            media_type, items = operation.stream
            item = {"anyOf": [self._schemas[repr(kind)] for kind in items]}
            kind = "One JSON object a line." if media_type == NDJSON else "Server-sent events, each with one JSON object."
            content[media_type] = {"schema": {"description": kind}, "x-item-schema": item}
        return answer | ({"content": content} if content else {})

    def _refusal(self, operation: Operation, status: int) -> dict[str, Any]:
        shown: dict[str, Any] = {"description": _REASONS[status].in_(self._language)}
        if operation.method == "HEAD":
            return shown
        schema: dict[str, Any] = {"$ref": _REF.format(name=_error_type(operation.path).__name__)}
        if status == 409 and operation.path.startswith("/api/hearth/uploads"):
            schema = {"anyOf": [{"$ref": _REF.format(name=WrongOffset.__name__)}, schema]}
        return shown | {"content": {JSON: {"schema": schema}}}

    def _explain(self, struct: str, component: dict[str, Any]) -> None:
        component.pop("description", None)
        for name, schema in component.get("properties", {}).items():
            known = field_of(struct, name)
            if known is None:
                continue
            default = {"default": schema["default"]} if schema.get("default") not in (None, "", [], {}) else {}
            schema.pop("default", None)
            component["properties"][name] = {**(known.schema or schema), **default, "description": known.text.in_(self._language)}


def _operations() -> Iterator[Operation]:
    for group in GROUPS:
        yield from group.operations


def _types() -> Iterator[Any]:
    """Of everything that comes and goes, each once."""
    found: dict[str, Any] = {repr(kind): kind for kind in (OllamaError, OpenAIError, AnthropicError, WrongOffset)}
    for operation in _operations():
        of_stream = operation.stream[1] if operation.stream is not None else ()
        for kind in (operation.body, operation.answer, *of_stream):
            if kind is not None:
                found.setdefault(repr(kind), kind)
    return iter(found.values())


def _is_read(name: str) -> bool:
    """Whether it is (part of) a request: those structs are named so all over the API."""
    return name.endswith(("Body", "Request")) or name == "StreamOptions"


def _drop_defaults_of_structs(component: dict[str, Any]) -> None:
    """Where a struct is left out, its fields say what that means."""
    for schema in component.get("properties", {}).values():
        if "$ref" in schema or any("$ref" in part for part in schema.get("anyOf", [])):
            schema.pop("default", None)


def _refusals(operation: Operation) -> list[int]:
    has_body = operation.body is not None or operation.takes_bytes
    always = (400, 408, 413, 415, 500) if has_body else (400, 500)
    return sorted({*always, *operation.refusals, *((503,) if operation.is_work else ())})


def _error_type(path: str) -> type[msgspec.Struct]:
    shapes: dict[Any, type[msgspec.Struct]] = {openai_error: OpenAIError, anthropic_error: AnthropicError}
    return shapes.get(shape_of_path(path), OllamaError)
