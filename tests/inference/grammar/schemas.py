"""JSON schemas by chance, of everything that a grammar can express: nested, with bounds, enums, unions, patterns, formats,
references, recursion, and names from many scripts."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "ab", "name", "größe", "城市", "ключ", "👍", "a b", "x-1", "$id"]) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6
)
#: Names beside which others may be allowed: those are compared character by character.
PLAIN_NAMES = st.sampled_from(["a", "ab", "abc", "name", "names", "größe", "城市", "👍"])
PATTERNS = ["^[a-z]{1,6}$", "^(yes|no)$", r"^\d{2}-\d{2}$", "[0-9]", "^x", "y$", "^[^a-c]{0,4}$", "^[一-龥]{1,3}$", "^(a|b)*c?$"]
FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "email", "uri", "hostname"]
VALUES = st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from([0.5, -1.25]) | st.text(max_size=6)


@st.composite
def integers(draw: st.DrawFn) -> dict[str, Any]:
    low, size = draw(st.integers(-1200, 1200)), draw(st.integers(2, 2000))
    low_key, high_key = (
        draw(st.sampled_from(["minimum", "exclusiveMinimum"])),
        draw(st.sampled_from(["maximum", "exclusiveMaximum"])),
    )
    bounds = {low_key: low, high_key: low + size}
    kept = draw(st.sets(st.sampled_from(sorted(bounds))))
    return {"type": "integer"} | {key: bounds[key] for key in kept} | draw(st.sampled_from([{}, {"multipleOf": 1}]))


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    return draw(integers()) | {"type": "number"}


@st.composite
def strings(draw: st.DrawFn) -> dict[str, Any]:
    least, size = draw(st.integers(0, 3)), draw(st.integers(0, 9))
    kind = draw(st.sampled_from(["length", "pattern", "format", "most", "free"]))
    more: dict[str, Any] = {
        "length": {"minLength": least, "maxLength": least + size},
        "most": {"maxLength": size},
        "pattern": {"pattern": draw(st.sampled_from(PATTERNS))},
        "format": {"format": draw(st.sampled_from(FORMATS))},
        "free": {},
    }[kind]
    return {"type": "string"} | more


CONSTANTS = st.builds(lambda value: {"const": value}, VALUES) | st.builds(
    lambda values: {"enum": values}, st.lists(VALUES | st.lists(VALUES, max_size=2), min_size=1, max_size=4)
)
PLAIN = st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["boolean", "null"]}, {"type": ["integer", "string"]}])
LEAVES = integers() | numbers() | strings() | CONSTANTS | PLAIN


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    is_open = draw(st.booleans())
    properties = draw(st.dictionaries(PLAIN_NAMES if is_open else NAMES, inner, max_size=4))
    required = [name for name in properties if draw(st.booleans())]
    more = (
        draw(st.sampled_from([{}, {"additionalProperties": True}]))
        if is_open
        else draw(st.sampled_from([{}, {"additionalProperties": False}]))
    )
    more = {"additionalProperties": draw(inner)} if is_open and draw(st.booleans()) else more
    return {"type": "object", "properties": properties, "required": required, **more}


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    least, size = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    if draw(st.booleans()):
        return {"type": "array", "items": draw(inner), "minItems": least, "maxItems": least + size}
    first = draw(st.lists(inner, min_size=1, max_size=3))
    return {
        "type": "array",
        "prefixItems": first,
        "items": draw(st.sampled_from([False, {"type": "null"}])),
        "minItems": len(first),
    }


@st.composite
def unions(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    match draw(st.sampled_from(["any", "types", "tagged", "all"])):
        case "any":
            return {"anyOf": draw(st.lists(inner, min_size=1, max_size=3))}
        case "types":
            return {"oneOf": [draw(strings()), draw(integers()), {"type": "array", "items": draw(inner), "maxItems": 2}]}
        case "tagged":
            options = [
                {"type": "object", "properties": {"kind": {"const": kind}, "of": draw(inner)}, "required": ["kind"]}
                for kind in ("one", "two", "三")
            ]
            return {"oneOf": options}
        case _:
            parts = [{"type": "object", "properties": {name: draw(inner)}, "required": [name]} for name in ("left", "right")]
            return {"allOf": parts}


INNER = st.recursive(LEAVES, lambda inner: objects(inner) | arrays(inner) | unions(inner), max_leaves=6)


@st.composite
def recursive(draw: st.DrawFn) -> dict[str, Any]:
    """Trees, lists and expressions, of values by chance."""
    of = draw(LEAVES)
    link = {"$ref": "#/$defs/node"}
    more = draw(st.sampled_from([{"anyOf": [link, {"type": "null"}]}, {"type": "array", "items": link, "maxItems": 2}]))
    node = {"type": "object", "properties": {"值": of, "next": more}, "required": ["next"], "additionalProperties": False}
    return {"$defs": {"node": node}, **draw(st.sampled_from([link, {"type": "array", "items": link, "maxItems": 2}]))}


@st.composite
def referring(draw: st.DrawFn) -> dict[str, Any]:
    properties = {"from": {"$ref": "#/$defs/a~1b"}, "to": {"$ref": "#/$defs/a~1b", "description": "the same"}}
    return {"type": "object", "properties": properties, "required": ["from"], "$defs": {"a/b": draw(INNER)}}


SCHEMAS = INNER | objects(INNER) | recursive() | referring()
#: Of a tool's arguments, which are an object.
ARGUMENTS = objects(INNER) | recursive().filter(lambda schema: "$ref" in schema) | referring()
