"""GBNF grammars of messages in Harmony (see `inference.harmony`), whose marks are tokens and never spelled."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from inference.grammar.call_forms import CallableTool
from inference.grammar.characters import literal
from inference.grammar.json_schema import SchemaCompiler
from inference.grammar.json_values import Values
from inference.grammar.rules import Rules
from inference.grammar.tool_calls import callable_tools
from inference.harmony import ANALYSIS, COMMENTARY, FINAL, FUNCTIONS

#: With which a call's recipient begins.
RECIPIENT = f"to={FUNCTIONS}"
#: Of a grammar, the rule for a message that is no thinking.
SAYING = "harmony-saying"
_WHOLE = "harmony-message"
_MAX_CACHED = 32


@dataclass(frozen=True, slots=True)
class HeaderMarks:
    """The ids of the tokens."""

    channel: int
    constrain: int
    message: int


@dataclass(frozen=True, slots=True)
class MessageGrammar:
    """Of one message from behind the assistant's role on, by its root; of a message that thinks, it is the header alone. `saying`
    is the root where the message may not think."""

    gbnf: str
    root: str = "root"
    saying: str = "root"


@functools.lru_cache(_MAX_CACHED)
def message_grammar(
    marks: HeaderMarks, *, tools: str = "", is_call_required: bool = False, json_schema: str = ""
) -> MessageGrammar:
    """For a call of one of the `tools`, a JSON list of OpenAI's functions, or JSON that keeps to the schema, where there is one.
    Raises `InvalidRequest`."""
    rules = Rules()
    values = Values(rules)
    forms = _Forms(marks, rules)
    options = []
    if json_schema:
        options.append(f"{forms.final()} {SchemaCompiler(json.loads(json_schema), rules, values).rule()}")
    if tools:
        options += forms.calls(callable_tools(tools, rules, values, is_required=is_call_required))
    said = rules.add(" | ".join(options))
    return MessageGrammar(f"{rules.text(f'{forms.thinking()} | {said}')}\n{SAYING} ::= {said}", saying=SAYING)


@functools.lru_cache(_MAX_CACHED)
def call_grammar(marks: HeaderMarks, tools: str) -> str:
    """Of one call, from `RECIPIENT` in its header on. Raises `InvalidRequest`."""
    rules = Rules()
    return rules.text(_Forms(marks, rules).named(callable_tools(tools, rules, Values(rules), is_required=False)))


def in_message(marks: HeaderMarks, grammar: str) -> MessageGrammar:
    """For a message to the user whose content keeps to somebody's grammar."""
    root, saying = (_new_name(grammar, name) for name in (_WHOLE, SAYING))
    forms = _Forms(marks, Rules())
    said = f"{saying} ::= {forms.final()} root"
    return MessageGrammar(f"{grammar}\n{said}\n{root} ::= {forms.thinking()} | {saying}\n", root, saying)


def _new_name(grammar: str, name: str) -> str:
    while name in grammar:
        name += "-"
    return name


class _Forms:
    def __init__(self, marks: HeaderMarks, rules: Rules) -> None:
        self._channel, self._message = (f"<[{token}]>" for token in (marks.channel, marks.message))
        self._rules = rules
        #: Before `<|message|>`: the content's type, with its mark or without.
        self._type = f'(" "? <[{marks.constrain}]> "json" | " json")?'

    def thinking(self) -> str:
        return f"{self._channel} {literal(ANALYSIS)} {self._message}"

    def final(self) -> str:
        return f"{self._channel} {literal(FINAL)} {self._type} {self._message}"

    def calls(self, tools: Sequence[CallableTool]) -> list[str]:
        """With the recipient behind the channel, and behind the role."""
        behind_channel = self._named(tools, f"{self._type} {self._message}")
        behind_role = self._named(tools, f"{self._channel} {literal(COMMENTARY)} {self._type} {self._message}")
        return [
            f"{self._channel} {literal(f'{COMMENTARY} {RECIPIENT}')} {behind_channel}",
            f"{literal(f' {RECIPIENT}')} {behind_role}",
        ]

    def named(self, tools: Sequence[CallableTool]) -> str:
        """A call from `RECIPIENT` on, wherever that stands."""
        channel = f"({self._channel} {literal(COMMENTARY)})?"
        return self._rules.add(f"{literal(RECIPIENT)} {self._named(tools, f'{channel} {self._type} {self._message}')}")

    def _named(self, tools: Sequence[CallableTool], between: str) -> str:
        return self._rules.add(" | ".join(f"{literal(tool.name)} {between} {tool.arguments}" for tool in tools))
