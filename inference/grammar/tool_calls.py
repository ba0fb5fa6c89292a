"""From the tools that a request offers to a GBNF grammar of calls whose arguments keep to the tools' schemas."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.call_forms import CallableTool, CallForms
from inference.grammar.json_schema import MAX_SCHEMA_CHARACTERS, SchemaCompiler
from inference.grammar.json_values import Values
from inference.grammar.relaxed import relaxed
from inference.grammar.rules import Rules
from inference.grammar.tag_forms import FORMS
from inference.grammar.tagged_arguments import TaggedArguments

#: Seldom more than a few sets of tools are used again and again.
_MAX_CACHED = 32
_MAX_TOOLS_CHARACTERS = 4 * 1024 * 1024


@functools.lru_cache(_MAX_CACHED)
def calls_grammar(
    tools: str,
    marks: tuple[str, ...],
    *,
    is_bare: bool,
    is_required: bool,
    is_single: bool,
    json_schema: str = "",
    tag_form: str = "",
) -> str:
    """`tools` is a JSON list of OpenAI's functions. Calls stand behind one of the marks or, with `is_bare`, alone. Arguments are
    written as JSON, or in the one of `FORMS` that `tag_form` names.

    With `is_required` or `json_schema`, the grammar is of a whole answer: of calls, or of JSON that keeps to the schema where
    they are not required. Otherwise it is of one call, or list of calls, from its mark to its end.
    What a tool's schema demands and a grammar cannot say is left out, unless calls are required or the function is `strict`:
    then it is refused. Raises `InvalidRequest` naming the tool and the keyword.
    """
    rules = Rules()
    values = Values(rules)
    tags = TaggedArguments(FORMS[tag_form], rules, values.space) if tag_form else None
    callable_ = callable_tools(tools, rules, values, tags, is_required=is_required)
    forms = CallForms(callable_, rules, values, is_single=is_single, tag_form=tag_form)
    is_whole = is_required or bool(json_schema)
    bare = [forms.bare(is_open=is_whole)] if is_bare else []
    call = rules.add(" | ".join([*(forms.marked(mark) for mark in marks), *bare]))
    if not is_whole:
        return rules.text(call)
    whole = rules.add(f"{values.space} {call}" if is_single else f"{values.space} {call} ({values.space} {call})*")
    if is_required:
        return rules.text(whole)
    answer = SchemaCompiler(json.loads(json_schema), rules, values).rule()
    return rules.text(rules.add(f"{answer} | {whole}"))


def callable_tools(
    tools: str, rules: Rules, values: Values, tags: TaggedArguments | None = None, *, is_required: bool
) -> list[CallableTool]:
    """Of a JSON list of functions. Raises `InvalidRequest`: see `calls_grammar`."""
    if len(tools) > _MAX_TOOLS_CHARACTERS:
        raise InvalidRequest(f"tools are longer than {_MAX_TOOLS_CHARACTERS} characters.")
    return [
        _callable_tool(function, rules, values, tags, is_strict=is_required or wants_strictness(function))
        for function in json.loads(tools)
    ]


def wants_strictness(function: Mapping[str, Any]) -> bool:
    """Whether a function asks for its schema to be kept to in every point."""
    return function.get("strict") is True


def checked_schema(function: Mapping[str, Any], *, is_strict: bool) -> dict[str, Any]:
    """What the arguments of a call have to keep to, of which a grammar was made where that was possible."""
    if is_strict or wants_strictness(function):
        try:
            return arguments_schema(function)
        except InvalidRequest:
            return {"type": "object"}
    return relaxed_arguments(function)


def arguments_schema(function: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a function's arguments, which are always an object. A function without `parameters` takes none.
    Raises `InvalidRequest`."""
    schema = function.get("parameters")
    if schema is None or schema == {}:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    if not isinstance(schema, dict):
        raise InvalidRequest("they have to be a JSON schema.")
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise InvalidRequest('their "type" has to be "object".')
    return {**schema, "type": "object"}


def relaxed_arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    """What of the schema of a function's arguments is kept to when nobody insists; at the least, that they are an object."""
    try:
        schema: dict[str, Any] = relaxed(arguments_schema(function))
        if len(json.dumps(schema)) <= MAX_SCHEMA_CHARACTERS:
            rules = Rules()
            SchemaCompiler(schema, rules, Values(rules)).rule()
            return schema
    except InvalidRequest:
        pass
    return {"type": "object"}


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Tools without arguments are often written with `properties` that are none, which would let a model invent some."""
    return {"additionalProperties": False, **schema} if schema.get("properties") == {} else schema


def _callable_tool(
    function: Mapping[str, Any], rules: Rules, values: Values, tags: TaggedArguments | None, *, is_strict: bool
) -> CallableTool:
    """Raises `InvalidRequest` where the schema is to be kept to and cannot."""
    try:
        schema = _closed(arguments_schema(function) if is_strict else relaxed_arguments(function))
        if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
            raise InvalidRequest(f"their JSON schema is longer than {MAX_SCHEMA_CHARACTERS} characters.")
        compiler = SchemaCompiler(schema, rules, values)
        in_json = compiler.rule()
    except InvalidRequest as error:
        if not is_strict:
            raise
        reason = str(error).removeprefix("format: ").replace("The format's JSON schema", "their JSON schema")
        raise InvalidRequest(f'tools: the parameters of "{function["name"]}" cannot be kept to: {reason}') from None
    return CallableTool(function["name"], in_json, _between_tags(schema, compiler, tags) if tags is not None else "")


def _between_tags(schema: dict[str, Any], compiler: SchemaCompiler, tags: TaggedArguments) -> str:
    """Empty where the arguments of this tool can only be written as JSON."""
    try:
        return tags.rule(schema, lambda inner: compiler.visit(inner, 1))
    except InvalidRequest:
        return ""
