"""The body of `/api/create`, in Ollama's shape, and what is refused before anything is done."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import msgspec

from inference.errors import InvalidRequest
from inference.library.blobs import BlobStore
from inference.library.errors import DamagedModel
from inference.library.modelfile.modelfile import ROLES
from inference.library.modelfile.parameters import KNOWN, LISTS, kind_of
from inference.library.models import MAX_TEXT_BYTES
from inference.library.names import InvalidName, ModelName, parse_name
from inference.library.quantize import parse_kind
from inference.prompt.go_template import GoTemplate, GoTemplateError

_MAX_FILES = 1000
_MAX_MESSAGES = 10_000
_MAX_STOPS = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_TYPES: dict[str, tuple[type, ...]] = {"integer": (int, float), "float32": (int, float), "boolean": (bool,), "string": (str,)}


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is empty or not there is as in the model that `from` names. An empty text, and a parameter that is null, takes
    away what that model has."""

    model: str = ""
    #: The older name of `model`.
    name: str = ""
    base: str = msgspec.field(name="from", default="")
    #: File names to digests of blobs that were uploaded.
    files: dict[str, str] = {}
    adapters: dict[str, str] = {}
    draft_files: dict[str, str] = {}
    template: str | None = None
    license: str | list[str] = []
    system: str | None = None
    parameters: dict[str, Any] = {}
    messages: list[dict[str, Any]] | None = None
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    quantize: str = ""
    #: The older name of `quantize`.
    quantization: str = ""
    stream: bool = True

    @property
    def asked_model(self) -> str:
        return self.model or self.name


@dataclass(frozen=True)
class CheckedRequest:
    """A request that can be carried out as far as can be told without reading large files."""

    name: ModelName
    body: CreateRequest
    base: ModelName | None
    licenses: list[str]
    parameters: dict[str, Any]
    #: One of llama.cpp's types; empty: as it is.
    quantize: str


def check_request(body: CreateRequest, blobs: BlobStore) -> CheckedRequest:
    """Raises `InvalidRequest`, where Ollama has words for it in those."""
    name = _name(body.asked_model)
    if not (body.base or body.files or body.adapters):
        raise InvalidRequest("neither 'from' or 'files' was specified")
    if body.adapters and not (body.base or body.files):
        raise InvalidRequest("an adapter needs the model it changes: name it in 'from'")
    if len(body.adapters) > 1:
        raise InvalidRequest("only one adapter is currently supported")
    if body.draft_files:
        raise InvalidRequest("draft models are not supported: leave draft_files out")
    for files in (body.files, body.adapters):
        _check_files(files, blobs)
    licenses = [body.license] if isinstance(body.license, str) else body.license
    for text in (body.template, body.system, *licenses):
        _check_length(text or "")
    _check_messages(body.messages or [])
    quantize = body.quantize or body.quantization
    return CheckedRequest(
        name=name,
        body=body,
        base=_name(body.base) if body.base else None,
        licenses=[text for text in licenses if text],
        parameters={key: _parameter(key, value) for key, value in body.parameters.items()},
        quantize=parse_kind(quantize) if quantize else "",
    )


def _name(text: str) -> ModelName:
    try:
        return parse_name(text)
    except InvalidName:
        raise InvalidRequest("invalid model name") from None


def _check_files(files: dict[str, str], blobs: BlobStore) -> None:
    if len(files) > _MAX_FILES:
        raise InvalidRequest(f"at most {_MAX_FILES} files make a model")
    for file_name, digest in files.items():
        path = PurePosixPath(file_name)
        if not file_name or path.is_absolute() or ".." in path.parts or _CONTROL.search(file_name) or len(file_name) > 1024:
            raise InvalidRequest("file path must be relative")
        try:
            is_there = blobs.path(digest).is_file()
        except DamagedModel:
            raise InvalidRequest("invalid digest format") from None
        if not is_there:
            raise InvalidRequest(f"blob {digest} was not found: upload it first with POST /api/blobs/{digest}")


def check_template(template: str) -> None:
    """Raises `InvalidRequest`."""
    try:
        GoTemplate(template)
    except GoTemplateError as error:
        raise InvalidRequest(f"template error: {error}") from None


def _check_length(text: str) -> None:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise InvalidRequest(f"a text of a model may have at most {MAX_TEXT_BYTES // 1024**2} MiB")


def _check_messages(messages: list[dict[str, Any]]) -> None:
    if len(messages) > _MAX_MESSAGES:
        raise InvalidRequest(f"at most {_MAX_MESSAGES} messages belong to a model")
    for index, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise InvalidRequest(f'messages[{index}].role must be one of "system", "user", or "assistant"')
        if not isinstance(message.get("content"), str):
            raise InvalidRequest(f"messages[{index}].content must be a string")
    if sum(len(message["content"].encode()) for message in messages) > MAX_TEXT_BYTES // 2:
        raise InvalidRequest(f"the messages of a model may have at most {MAX_TEXT_BYTES // 2 // 1024**2} MiB")


def _parameter(key: str, value: Any) -> Any:
    """Of the parameter's type; None stands for one that is to go."""
    if key not in KNOWN:
        raise InvalidRequest(f"unknown parameter '{key[:100]}'")
    if value is None:
        return None
    if key in LISTS:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise InvalidRequest(f'option "{key}" must be of an array of strings')
        if len(values) > _MAX_STOPS or sum(map(len, values)) > MAX_TEXT_BYTES // 8:
            raise InvalidRequest(f'option "{key}" must hold at most {_MAX_STOPS} short strings')
        return values
    return _single(key, value, kind_of(key))


def _single(key: str, value: Any, kind: str) -> Any:
    if type(value) not in _TYPES[kind]:
        raise InvalidRequest(f'option "{key}" must be of type {kind}')
    if kind == "string":
        _check_length(value)
    elif not abs(value) < 2**63:
        raise InvalidRequest(f'option "{key}" must be a number that is not that large')
    return int(value) if kind == "integer" else value
