"""TypeScript names of the types that JSON Schema knows, which some templates describe tools with."""

from typing import Any

from inference.prompt.go_template.values import Record, TypeNames

_TYPE_SCRIPT = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "any[]",
    "object": "Record<string, any>",
    "null": "null",
}


def type_script_type(value: Any) -> str:
    """Of a tool's parameter or of its types; "any" for everything else."""
    if isinstance(value, Record):
        alternatives = value.fields.get("AnyOf") or []
        if alternatives:
            return " | ".join(dict.fromkeys(type_script_type(item) for item in alternatives))
        return type_script_type(value.fields.get("Type"))
    if isinstance(value, TypeNames) and value:
        return " | ".join(_TYPE_SCRIPT.get(name, "any") for name in value)
    return "any"
