"""The notations in which models write calls of tools, as rules: what `inference.prompt.parsing` reads, a grammar here writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from inference.grammar.characters import json_literal, literal
from inference.grammar.json_values import Values
from inference.grammar.rules import Rules
from inference.grammar.tag_forms import BLOCKS, FORMS, NAME_TAGS
from inference.harmony import FUNCTIONS

_NAME_KEYS = ("name", "tool_name", "function")
_ARGUMENT_KEYS = ("arguments", "parameters")
_ID = "[A-Za-z0-9_-]{1,40}"


@dataclass(frozen=True, slots=True)
class CallableTool:
    name: str
    #: Of the rule for its arguments as JSON.
    arguments: str
    #: Of the rule for its arguments between tags; empty where they can only be written as JSON.
    tagged: str = ""


class CallForms:
    """`is_single`: no notation holds more than one call. `tag_form`: see `calls_grammar`."""

    def __init__(
        self, tools: Sequence[CallableTool], rules: Rules, values: Values, *, is_single: bool, tag_form: str = ""
    ) -> None:
        self._tools = tools
        self._rules = rules
        self._values = values
        self._is_single = is_single
        self._tag_form = tag_form

    def bare(self, *, is_open: bool) -> str:
        """JSON that nothing stands before: an object, or a list of such. `is_open`: or objects one after another, so that the
        grammar cannot tell where they end."""
        more = f' (("," | ";") {self._values.space} {self._object()})*' if is_open and not self._is_single else ""
        return self._rules.add(f"{self._object()}{more} | {self._list()}")

    def marked(self, mark: str) -> str:
        """A call, or a list of calls, behind the mark."""
        space = self._values.space
        match mark:
            case "<tool_call>" if self._tag_form:
                body = f"{literal(mark)} {space} ({self._tagged()}) {space} {literal('</tool_call>')}"
            case "<tool_call>":
                body = f"{literal(mark)} {space} {self._object()} {space} {literal('</tool_call>')}"
            case _ if mark in NAME_TAGS:
                body = self._in_name_tags(mark)
            case _ if mark in BLOCKS and self._tag_form in NAME_TAGS[BLOCKS[mark][1]][1]:
                end, tag = BLOCKS[mark]
                body = f"{literal(mark)} {space} {self._in_name_tags(tag)} ({space} {literal(end)})?"
            case "<|tool_calls_section_begin|>":
                body = f"{literal(mark)} {space} {self._kimi()} ({space} {literal('<|tool_calls_section_end|>')})?"
            case "<|tool_call_begin|>":
                body = self._kimi()
            case "[TOOL_CALLS]":
                number = f"({literal('[CALL_ID]')} {_ID})?"
                named = self._by_name(f"{number} {literal('[ARGS]')}?", "")
                body = f"{literal(mark)} {space} ({self._list()} | {self._object()} | {named})"
            case "<｜tool▁calls▁begin｜>":
                body = f"{literal(mark)} {space} {self._deepseek()}"
            case "<｜tool▁call▁begin｜>":
                body = self._deepseek()
            case _:
                body = f"{literal(mark)} {space} ({self._list()} | {self._object()})"
        return self._rules.add(body)

    def _tagged(self) -> str:
        """What stands in `<tool_call>`: where arguments can only be written as JSON, an object as other models write it."""
        if self._tag_form == "parameters":
            return self._in_name_tags("<function=")
        named = [self._rules.add(f"{literal(tool.name)} {tool.tagged}") for tool in self._tools if tool.tagged]
        others = [tool for tool in self._tools if not tool.tagged]
        in_json = [CallForms(others, self._rules, self._values, is_single=True)._object()] if others else []
        return " | ".join([*named, *in_json])

    def _in_name_tags(self, tag: str) -> str:
        """With arguments between tags, or as JSON where this model has no tags for them."""
        space, (behind_name, forms) = self._values.space, NAME_TAGS[tag]
        end, is_tagged = literal(FORMS[forms[0]].end), self._tag_form in forms
        calls = []
        for tool in self._tools:
            arguments = (is_tagged and tool.tagged) or f"{space} {tool.arguments}"
            calls.append(f"{literal(tool.name + behind_name)} {arguments} {space} {end}")
        return self._rules.add(f"{literal(tag)} ({' | '.join(calls)})")

    def _kimi(self) -> str:
        """Of Kimi K2, which counts its calls."""
        begin, between, end = (literal(f"<|tool_call_{name}|>") for name in ("begin", "argument_begin", "end"))
        number = f"{literal(':')} [0-9]{{1,4}} {between}"
        return self._rules.add(f"{self._by_name(number, '', before=f'{begin} {literal(FUNCTIONS)}')} {end}")

    def _object(self) -> str:
        space, comma, colon = self._values.space, self._values.comma, self._values.colon
        keys, arguments = (_one_of(names) for names in (_NAME_KEYS, _ARGUMENT_KEYS))
        kind = f"({literal(json.dumps('type'))} {colon} {literal(json.dumps('function'))} {comma})?"
        number = f'({comma} {literal(json.dumps("id"))} {colon} "\\"" {_ID} "\\"")?'
        between = self._rules.add(f"{comma} {arguments} {colon}")
        calls = self._rules.add(" | ".join(f"{json_literal(tool.name)} {between} {tool.arguments}" for tool in self._tools))
        return self._rules.add(f"{literal('{')} {space} {kind} {keys} {colon} {calls} {number} {space} {literal('}')}")

    def _list(self) -> str:
        item, comma = self._object(), self._values.comma
        more = "" if self._is_single else f" ({comma} {item})*"
        return self._values.enclosed("[", f"{item}{more}", "]")

    def _deepseek(self) -> str:
        """Of version 3 with its fence, and of 3.1 without."""
        begin, separator, end = (literal(f"<｜tool▁{name}｜>") for name in ("call▁begin", "sep", "call▁end"))
        fenced = self._by_name(
            literal("\n```json\n"), f" {literal(chr(10) + '```')}", before=f"{literal('function')} {separator}"
        )
        return self._rules.add(f"{begin} ({fenced} | {self._by_name(separator, '')}) {end}")

    def _by_name(self, between: str, after: str, *, before: str = "") -> str:
        calls = " | ".join(f"{literal(tool.name)} {between} {tool.arguments}{after}" for tool in self._tools)
        return self._rules.add(f"{before} ({calls})")


def _one_of(names: Sequence[str]) -> str:
    return "(" + " | ".join(literal(json.dumps(name)) for name in names) + ")"
