"""Notations in which models write each argument of a call between tags of its own, a text as it is and anything else as JSON."""

from dataclasses import dataclass
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.pointer import at_pointer
from inference.grammar.schema_nodes import Resolve, Schema, merged

_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class TagForm:
    """`opening` KEY `after_key` VALUE `closing` for each argument, and `end` after the last. `margin` stands on both sides of
    the value and is no part of it."""

    opening: str
    after_key: tuple[str, ...]
    closing: str
    end: str
    margin: str = ""


FORMS = {
    #: Qwen 3 Coder: `<function=NAME>`, then these.
    "parameters": TagForm("<parameter=", (">",), "</parameter>", "</function>", "\n"),
    #: Seed-OSS: the same without the margin.
    "seed": TagForm("<parameter=", (">",), "</parameter>", "</function>"),
    #: MiniMax M2: `<invoke name="NAME">`, then these.
    "invoke": TagForm('<parameter name="', ('">',), "</parameter>", "</invoke>"),
    #: GLM 4.5: `<tool_call>NAME`, then these.
    "pairs": TagForm("<arg_key>", ("</arg_key>", "<arg_value>"), "</arg_value>", "</tool_call>"),
}

#: With which a tag begins that has a call's name in it, and what stands behind the name; the forms that may follow it.
NAME_TAGS = {"<function=": (">", ("parameters", "seed")), '<invoke name="': ('">', ("invoke",))}
#: Around calls of Seed-OSS and MiniMax M2: what ends what each of these begins, and the tag that a call begins with.
BLOCKS = {
    "<seed:tool_call>": ("</seed:tool_call>", "<function="),
    "<minimax:tool_call>": ("</minimax:tool_call>", '<invoke name="'),
}


def resolver_of(document: Any) -> Resolve:
    """Follows references within the document; raises `InvalidRequest` for one that leads nowhere."""

    def resolve(pointer: Any) -> Any:
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            raise InvalidRequest('format: "$ref" has to point into the schema itself, as in "#/$defs/name".')
        try:
            return at_pointer(document, pointer)
        except LookupError:
            raise InvalidRequest(f'format: "$ref" {pointer} points at nothing.') from None

    return resolve


def in_json_of(schema: Schema) -> frozenset[str]:
    """The names of those properties of an object's schema whose values are written as JSON, not as they are."""
    resolve = resolver_of(schema)
    try:
        properties = merged(schema, resolve).get("properties", {})
        if not isinstance(properties, dict):
            return frozenset()
        return frozenset(name for name, inner in properties.items() if not is_text(inner, resolve))
    except InvalidRequest:
        return frozenset()


def is_text(schema: Any, resolve: Resolve) -> bool:
    """Whether a value is written as it is: where only texts are possible, or any text beside other things. Raises
    `InvalidRequest`."""
    return _kind(schema, resolve, 0) is not None


def is_any_text(schema: Any, resolve: Resolve) -> bool:
    """Whether every text is valid. Raises `InvalidRequest`."""
    return _kind(schema, resolve, 0) == "any"


def _kind(schema: Any, resolve: Resolve, depth: int) -> str | None:
    """ "any": every text is valid; "some": only texts are, and not all of them; None: something else."""
    if depth > _MAX_DEPTH:
        raise InvalidRequest("The format's JSON schema is nested too deeply.")
    if schema is True:
        return "any"
    if not isinstance(schema, dict):
        return None
    flat = merged(schema, resolve)
    for keyword in ("const", "enum"):
        if keyword in flat:
            listed = flat[keyword] if keyword == "enum" else [flat[keyword]]
            return "some" if isinstance(listed, list) and all(isinstance(value, str) for value in listed) else None
    for keyword in ("anyOf", "oneOf"):
        if keyword in flat:
            return _kind_of_options(flat, keyword, resolve, depth)
    return _kind_of_type(flat)


def _kind_of_options(flat: Schema, keyword: str, resolve: Resolve, depth: int) -> str | None:
    options = flat[keyword]
    beside = {key: value for key, value in flat.items() if key != keyword}
    if not isinstance(options, list) or beside:
        return None
    kinds = [_kind(option, resolve, depth + 1) for option in options]
    if "any" in kinds and keyword == "anyOf":
        return "any"
    return "some" if kinds and None not in kinds else None


def _kind_of_type(flat: Schema) -> str | None:
    is_bounded = bool({"minLength", "maxLength", "pattern", "format"} & flat.keys())
    kinds = flat.get("type")
    if kinds is None:
        return "any" if not flat else None
    if kinds == "string" or kinds == ["string"]:
        return "some" if is_bounded else "any"
    return "any" if isinstance(kinds, list) and "string" in kinds and not is_bounded else None
