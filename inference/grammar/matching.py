"""Whether a string keeps to a pattern that a stranger wrote, in a time that has an end: by the rules that a grammar would have
for it, following all readings of them at once."""

import functools
import json

from inference.errors import InvalidRequest
from inference.grammar.gbnf_reader import Alternatives, Item, read_rules
from inference.grammar.pattern import PatternReader
from inference.grammar.rules import Rules

_MAX_CACHED = 64
#: A string that takes more, some tenths of a second, keeps to nothing.
_MOST_STEPS = 200_000


def keeps_to_pattern(text: str, pattern: str) -> bool:
    """Whether the pattern, a regular expression as JSON schemas have it, is found in the text. False also for one that a grammar
    cannot express, and where finding out would take too long."""
    try:
        matching = _Matching(_rules_of(pattern), json.dumps(text, ensure_ascii=False)[1:-1])
        return matching.is_whole()
    except (InvalidRequest, _TooLong):
        return False


class _TooLong(Exception):
    pass


@functools.lru_cache(_MAX_CACHED)
def _rules_of(pattern: str) -> dict[str, Alternatives]:
    rules = Rules()
    root = PatternReader(pattern, rules).expression()
    return read_rules(rules.text(root))


class _Matching:
    """Of one text; places are between its characters."""

    def __init__(self, rules: dict[str, Alternatives], text: str) -> None:
        self._rules = rules
        self._codes = [ord(character) for character in text]
        self._ends: dict[tuple[str, int], set[int]] = {}
        self._num_steps = 0

    def is_whole(self) -> bool:
        return len(self._codes) in self._after_rule("root", 0)

    def _after_rule(self, name: str, place: int) -> set[int]:
        """Where a reading of the rule may end that begins here."""
        if (name, place) not in self._ends:
            self._ends[name, place] = self._after_any(self._rules[name], place)
        return self._ends[name, place]

    def _after_any(self, alternatives: Alternatives, place: int) -> set[int]:
        found: set[int] = set()
        for items in alternatives:
            places = {place}
            for item in items:
                places = self._after_repeated(item, places)
            found |= places
        return found

    def _after_repeated(self, item: Item, places: set[int]) -> set[int]:
        for _ in range(item.least):
            places = self._after_each(item, places)
        found, newest, count = set(places), places, item.least
        while newest and (item.most is None or count < item.most):
            newest = self._after_each(item, newest) - found
            found |= newest
            count += 1
        return found

    def _after_each(self, item: Item, places: set[int]) -> set[int]:
        found: set[int] = set()
        for place in places:
            self._num_steps += 1
            if self._num_steps > _MOST_STEPS:
                raise _TooLong
            found |= self._after_one(item, place)
        return found

    def _after_one(self, item: Item, place: int) -> set[int]:
        if item.group is not None:
            return self._after_any(item.group, place)
        if item.name:
            return self._after_rule(item.name, place)
        for unit in item.units:
            if place >= len(self._codes) or not any(low <= self._codes[place] <= high for low, high in unit):
                return set()
            place += 1
        return {place}
