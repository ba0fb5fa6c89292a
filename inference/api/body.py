"""Reads request bodies as permissively as Ollama does, and as safely as strangers require.

The content type is ignored (curl and litellm send none that fits), unknown fields too; field names match in any case,
null means absent, and whatever follows the first JSON value is passed over.
"""

import asyncio
import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from inference.api.content_encoding import decompressed, encoding_of
from inference.api.json_text import MAX_BODY_BYTES, decode_json
from inference.errors import InvalidRequest, PayloadTooLarge, RequestTimeout

#: Longest silence while a body is being sent.
BODY_TIMEOUT_S = 60.0

_EXPECTED = re.compile(r"Expected (.+?)(?:, got (.+?))? - at `\$\.?(.*?)`\Z")
_IN_LIST = re.compile(r"`\$\.(\w+)\[\.\.\.\]")
_JSON_TYPES = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false", "null": "null"}
_JSON_TYPES |= {"array": "an array", "object": "an object"}

S = TypeVar("S", bound=msgspec.Struct)


async def read_body(request: Request, kind: type[S]) -> S:
    """The request's body as `kind`. Raises `InvalidRequest` naming the field at fault, or `PayloadTooLarge`."""
    return parse_body(await read_bytes(request), kind)


def parse_body(content: bytes, kind: type[S]) -> S:
    """Raises `InvalidRequest`."""
    try:
        value = _decode(content)
        if not isinstance(value, dict):
            raise InvalidRequest(f"the request body must be a JSON object, not {_name_of(value)}")
        return _convert(_shape(value, kind), kind)
    except RecursionError:
        raise InvalidRequest("the request body is nested too deeply") from None


def _convert(shaped: dict[str, Any], kind: type[S]) -> S:
    try:
        return msgspec.convert(shaped, kind)
    except msgspec.ValidationError as error:
        raise _refusal(_with_index(str(error), shaped, kind)) from None


def _with_index(message: str, shaped: dict[str, Any], kind: type[msgspec.Struct]) -> str:
    """msgspec says that one of a list's entries is wrong, but not which."""
    match = _IN_LIST.search(message)
    entries = shaped.get(match.group(1)) if match is not None else None
    if match is None or not isinstance(entries, list):
        return message
    for index, entry in enumerate(entries):
        try:
            msgspec.convert({match.group(1): [entry]}, kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return message.replace("[...]", f"[{index}]", 1)
    return message


async def read_bytes(request: Request) -> bytes:
    """The request's body, unfolded where it came compressed. Raises `PayloadTooLarge`, `RequestTimeout`, `UnsupportedEncoding`,
    or `InvalidRequest` when it cannot be unfolded."""
    encoding = encoding_of(request)
    content = bytearray()
    chunks = request.stream()
    try:
        while True:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                content += await anext(chunks)
            if len(content) > MAX_BODY_BYTES:
                raise PayloadTooLarge(f"the request body is larger than {MAX_BODY_BYTES // 1024**2} MiB")
    except StopAsyncIteration:
        return await decompressed(bytes(content), encoding, MAX_BODY_BYTES)
    except TimeoutError:
        raise RequestTimeout("the request body did not arrive in time") from None
    except ClientDisconnect:
        raise


def _decode(content: bytes) -> Any:
    value = decode_json(content)
    return {} if value is None else value


def _shape(value: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields `kind` knows, under their own names, without nulls; inside lists and structs of structs too."""
    fields = _fields_of(kind)
    found: dict[str, Any] = {}
    for key, item in value.items():
        field = fields.get(key.lower())
        if field is None or item is None or (field.encode_name in found and key != field.encode_name):
            continue
        found[field.encode_name] = _shape_inner(item, field.type)
    return found


@cache
def _fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """By their names in small letters. Kept: to look them up takes longer than to read a message, and a long conversation has
    hundreds."""
    return {field.encode_name.lower(): field for field in msgspec.structs.fields(kind)}


def _shape_inner(item: Any, expected: Any) -> Any:
    arguments = getattr(expected, "__args__", ())
    if isinstance(item, float) and item.is_integer() and int in (expected, *arguments) and float not in (expected, *arguments):
        # As some languages write whole numbers.
        return int(item)
    inner = next((part for part in (expected, *arguments) if _is_struct(part)), None)
    if inner is not None and isinstance(item, dict):
        return _shape(item, inner)
    if inner is not None and isinstance(item, list):
        return [_shape(part, inner) if isinstance(part, dict) else part for part in item]
    return item


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _refusal(message: str) -> InvalidRequest:
    match = _EXPECTED.match(message)
    if match is None:
        return InvalidRequest(message.replace("`", '"').replace(" - at", " at"))
    expected, got, path = match.groups()
    sentence = f"{path or 'the request body'} must be {_translate(expected)}"
    return InvalidRequest(f"{sentence}, not {_translate(got)}" if got else sentence, path or None)


def _translate(types: str) -> str:
    return " or ".join(_JSON_TYPES.get(name.strip(" `"), name.strip(" `")) for name in types.split("|"))


def _name_of(value: object) -> str:
    for kind, name in ((bool, "true or false"), (str, "a string"), (list, "an array"), ((int, float), "a number")):
        if isinstance(value, kind):
            return name
    return "an object"
