"""Rules for JSON of any shape, and the pieces of which all JSON is made."""

from inference.grammar.characters import literal
from inference.grammar.numbers import NUMBER
from inference.grammar.rules import Rules

VALUE = "value"
OBJECT = "object"
ARRAY = "array"
STRING = "string"

#: As models write it, and never without end.
_SPACE = '" "? | "\\n" [ ]{0,24}'
#: No half of a surrogate pair: UTF-8 has none.
_CHARACTER = r'[^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cefA-CEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))'


class Values:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._named: dict[str, str] = {}
        self.space = rules.add(_SPACE)
        self.character = rules.add(_CHARACTER)
        self.comma = rules.add(f'"," {self.space}')
        self.colon = rules.add(f'":" {self.space}')

    def rule(self, kind: str) -> str:
        """The rule for any value, or any of one kind."""
        if kind not in self._named:
            name = self._named[kind] = self._rules.reserve()
            self._rules.define(name, self._body(kind))
        return self._named[kind]

    def enclosed(self, opening: str, body: str, closing: str, *, may_be_empty: bool = False) -> str:
        """A rule for what stands in brackets."""
        inside = f"{self.space} {body} {self.space}"
        return self._rules.add(f"{literal(opening)} {f'({inside})?' if may_be_empty else inside} {literal(closing)}")

    def _body(self, kind: str) -> str:
        match kind:
            case "string":
                return f'"\\"" {self.character}* "\\""'
            case "object":
                pair = self._rules.add(f"{self.rule(STRING)} {self.colon} {self.rule(VALUE)}")
                return self.enclosed("{", f"{pair} ({self.comma} {pair})*", "}", may_be_empty=True)
            case "array":
                item = self.rule(VALUE)
                return self.enclosed("[", f"{item} ({self.comma} {item})*", "]", may_be_empty=True)
            case _:
                plain = self._rules.add(NUMBER)
                return f'{self.rule(OBJECT)} | {self.rule(ARRAY)} | {self.rule(STRING)} | {plain} | "true" | "false" | "null"'
