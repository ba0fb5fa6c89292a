"""Checks a GBNF grammar that a stranger wrote, before llama.cpp is given it.

llama.cpp looks for left recursion by walking every path through the rules, reads groups recursively and logs the whole text
of a grammar that it does not understand: a small hostile one would hold up everybody, and a mistake would be told nobody.
"""

from inference.errors import InvalidRequest
from inference.grammar.gbnf_choices import check_choices
from inference.grammar.gbnf_reader import Alternatives, Item, read_rules

MAX_GRAMMAR_CHARACTERS = 65536
#: Of llama.cpp's walk; each step is well under a microsecond.
_MOST_STEPS = 100_000
#: Of rules that begin with each other; each may add a group of 32 levels to the depth of this walk.
_LONGEST_PATH = 200


def check_grammar(text: str) -> None:
    """Raises `InvalidRequest` that says what is wrong, and in which line where that helps."""
    check_choices(check_form(text))


def check_form(text: str) -> dict[str, Alternatives]:
    """The grammar's rules, which llama.cpp will understand. Raises `InvalidRequest`."""
    if len(text) > MAX_GRAMMAR_CHARACTERS:
        raise InvalidRequest(f"The grammar is longer than {MAX_GRAMMAR_CHARACTERS} characters.")
    rules = read_rules(text)
    if "root" not in rules:
        raise InvalidRequest("The grammar has no rule named root.")
    for name, alternatives in rules.items():
        _check_references(name, alternatives, rules)
    try:
        _Walk(rules).check()
    except RecursionError:
        raise InvalidRequest("The grammar is nested too deeply.") from None
    return rules


def _check_references(name: str, alternatives: Alternatives, rules: dict[str, Alternatives]) -> None:
    for item in (item for items in alternatives for item in items):
        if item.group is not None:
            _check_references(name, item.group, rules)
        elif item.name and item.name not in rules:
            raise InvalidRequest(f"The grammar's rule {name} uses {item.name}, which is not there.")


class _Walk:
    """From each rule to those with which it may begin."""

    def __init__(self, rules: dict[str, Alternatives]) -> None:
        self._rules = rules
        self._nullable: set[str] = set()
        self._steps: dict[str, int] = {}
        self._path: dict[str, None] = {}

    def check(self) -> None:
        while any(self._grow_nullable(name) for name in self._rules):
            pass
        for name in self._rules:
            self._visit(name)

    def _grow_nullable(self, name: str) -> bool:
        if name in self._nullable or not self._may_be_empty(self._rules[name]):
            return False
        self._nullable.add(name)
        return True

    def _may_be_empty(self, alternatives: Alternatives) -> bool:
        return any(all(self._is_skippable(item) for item in items) for items in alternatives)

    def _is_skippable(self, item: Item) -> bool:
        return item.least == 0 or self._is_hollow(item)

    def _is_hollow(self, item: Item) -> bool:
        """Whether one occurrence of it may be nothing at all."""
        if item.group is not None:
            return self._may_be_empty(item.group)
        return item.name in self._nullable if item.name else not item.first

    def _visit(self, name: str) -> int:
        """The number of steps in which llama.cpp would have walked everything that the rule may begin with."""
        if name in self._path:
            raise InvalidRequest(f"The grammar's rule {name} may begin with itself: put something before it.")
        if name not in self._steps:
            self._path[name] = None
            if len(self._path) > _LONGEST_PATH:
                raise InvalidRequest("The grammar's rules refer to each other through too many others.")
            self._steps[name] = self._steps_of(name, self._rules[name])
            del self._path[name]
        return self._steps[name]

    def _steps_of(self, name: str, alternatives: Alternatives) -> int:
        steps = 1
        for items in alternatives:
            for item in items:
                if item.most is None and self._is_hollow(item):
                    raise InvalidRequest(f"The grammar's rule {name} repeats without end what may be empty.")
            for item in items:
                times = (item.most or item.least or 1) if self._is_hollow(item) else 1
                inner = self._steps_of(name, item.group) if item.group is not None else 1
                steps += times * (self._visit(item.name) if item.name else inner)
                if steps > _MOST_STEPS:
                    raise InvalidRequest("The grammar's rules can begin in too many ways.")
                if not self._is_skippable(item):
                    break
        return steps
