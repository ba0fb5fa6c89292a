"""Refuses grammars that llama.cpp would read in ever more ways at once.

It follows every reading of a text that is still possible. Where a rule contains itself and two of its readings begin with the
same character, each level of nesting doubles their number: a few lines of grammar take all memory and time there is. So a
choice between readings that nest has to be decided by its first character, as in JSON `{`, `[` and `"` decide.
"""

from inference.errors import InvalidRequest
from inference.grammar.characters import CharacterSet, overlap, united
from inference.grammar.gbnf_reader import Alternatives, Item

Rules = dict[str, Alternatives]


def check_choices(rules: Rules) -> None:
    """Raises `InvalidRequest` naming the rule."""
    nesting = _nesting_rules(rules)
    if nesting:
        _Choices(rules, nesting).check()


class _Choices:
    def __init__(self, rules: Rules, nesting: dict[str, set[str]]) -> None:
        self._rules = rules
        #: For each rule that contains itself, the rules with which it does.
        self._nesting = nesting
        self._first: dict[str, CharacterSet] = dict.fromkeys(rules, ())
        self._nullable: set[str] = set()
        self._follow: dict[str, CharacterSet] = dict.fromkeys(rules, ())

    def check(self) -> None:
        while any([self._grow_first(name) for name in self._rules]):  # noqa: C419  # all of them
            pass
        while any([self._grow_follow(alternatives, self._follow[name]) for name, alternatives in self._rules.items()]):  # noqa: C419
            pass
        for name, partners in self._nesting.items():
            self._check(name, self._rules[name], self._follow[name], partners)

    def _grow_first(self, name: str) -> bool:
        before = self._first[name], name in self._nullable
        first, may_be_empty = self._first_of_any(self._rules[name])
        self._first[name] = first
        if may_be_empty:
            self._nullable.add(name)
        return before != (first, may_be_empty)

    def _first_of_any(self, alternatives: Alternatives) -> tuple[CharacterSet, bool]:
        found = [self._first_of(items) for items in alternatives]
        return united(part for first, _ in found for part in first), any(may_be_empty for _, may_be_empty in found)

    def _first_of(self, items: list[Item]) -> tuple[CharacterSet, bool]:
        ranges: list[tuple[int, int]] = []
        for item in items:
            first, may_be_empty = self._first_of_one(item)
            ranges += first
            if not may_be_empty and item.least > 0:
                return united(ranges), False
        return united(ranges), True

    def _first_of_one(self, item: Item) -> tuple[CharacterSet, bool]:
        if item.group is not None:
            return self._first_of_any(item.group)
        if item.name:
            return self._first[item.name], item.name in self._nullable
        return item.first, not item.first

    def _grow_follow(self, alternatives: Alternatives, after: CharacterSet) -> bool:
        has_grown = False
        for items in alternatives:
            for index, item in enumerate(items):
                follow = self._after(items, index, after)
                if item.group is not None:
                    has_grown |= self._grow_follow(item.group, follow)
                elif item.name and (grown := united((*self._follow[item.name], *follow))) != self._follow[item.name]:
                    self._follow[item.name], has_grown = grown, True
        return has_grown

    def _after(self, items: list[Item], index: int, after: CharacterSet) -> CharacterSet:
        """What may come after one of the items, itself among it where it repeats."""
        first, may_be_empty = self._first_of(items[index + 1 :])
        again = self._first_of_one(items[index])[0] if items[index].most != 1 else ()
        return united((*first, *again, *(after if may_be_empty else ())))

    def _check(self, name: str, alternatives: Alternatives, after: CharacterSet, partners: set[str]) -> None:
        readings = [(self._begins(items, after), _mentions(items, partners)) for items in alternatives]
        self._compare(name, readings)
        for items in alternatives:
            for index, item in enumerate(items):
                rest, may_be_empty = self._first_of(items[index + 1 :])
                follow = united((*rest, *(after if may_be_empty else ())))
                if item.least != item.most:
                    nests_after = _mentions(items[index + 1 :], partners)
                    self._compare(name, [(self._first_of_one(item)[0], _mentions([item], partners)), (follow, nests_after)])
                if item.group is not None:
                    self._check(name, item.group, self._after(items, index, after), partners)

    def _begins(self, items: list[Item], after: CharacterSet) -> CharacterSet:
        first, may_be_empty = self._first_of(items)
        return united((*first, *after)) if may_be_empty else first

    def _compare(self, name: str, readings: list[tuple[CharacterSet, bool]]) -> None:
        for index, (first, nests) in enumerate(readings):
            for other, other_nests in readings[index + 1 :]:
                if (nests or other_nests) and overlap(first, other):
                    raise InvalidRequest(
                        f"The grammar's rule {name} contains itself, and the first character does not tell which of its "
                        "alternatives is meant: write what they have in common before the choice."
                    )


def _nesting_rules(rules: Rules) -> dict[str, set[str]]:
    """Rules that contain themselves, directly or through others, with those others."""
    reached = {name: _names_in(alternatives) for name, alternatives in rules.items()}
    for name in rules:
        todo = list(reached[name])
        while todo:
            new = reached[todo.pop()] - reached[name]
            reached[name] |= new
            todo += new
    return {name: {other for other in reached[name] if name in reached[other]} for name in rules if name in reached[name]}


def _names_in(alternatives: Alternatives) -> set[str]:
    names: set[str] = set()
    for item in (item for items in alternatives for item in items):
        names |= {item.name} if item.name else _names_in(item.group) if item.group is not None else set()
    return names


def _mentions(items: list[Item], names: set[str]) -> bool:
    return bool(_names_in([items]) & names)
