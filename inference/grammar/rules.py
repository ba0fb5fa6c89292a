"""The rules of a grammar that is being written."""

from inference.errors import InvalidRequest

#: The time that llama.cpp takes to read a grammar, and to look into it for each token, grows with it.
_MAX_RULES = 5000
_MAX_CHARACTERS = 300_000
#: Longer chains of repetitions are built by doubling: llama.cpp makes a rule of each place in a chain.
_LONGEST_CHAIN = 32


class Rules:
    """Rules are named by number, so that nothing of a schema gets into a grammar but through a quoted literal."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._size = 0

    def reserve(self) -> str:
        """A name whose rule will be given later, for rules that refer to themselves."""
        name = f"r{len(self._bodies)}"
        if len(self._bodies) >= _MAX_RULES:
            raise InvalidRequest("The format's JSON schema is too large.")
        self._bodies[name] = ""
        return name

    def define(self, name: str, body: str) -> None:
        self._size += len(body)
        if self._size > _MAX_CHARACTERS:
            raise InvalidRequest("The format's JSON schema is too large.")
        self._bodies[name] = body

    def add(self, body: str) -> str:
        """The name of a rule with this body, one for all that are alike."""
        name = self._names.get(body)
        if name is None:
            name = self._names[body] = self.reserve()
            self.define(name, body)
        return name

    def repeat(self, item: str, least: int, most: int | None) -> str:
        """An expression for `item`, a rule's name, at least and at most so many times; None is without end."""
        exact = self._exactly(item, least)
        rest = f"{item}*" if most is None else self._up_to(item, most - least)
        return " ".join(part for part in (exact, rest) if part) or '""'

    def _exactly(self, item: str, count: int) -> str:
        if count == 0:
            return ""
        if count <= _LONGEST_CHAIN:
            return f"{item}{{{count}}}" if count > 1 else item
        half = self._exactly(item, count // 2)
        odd = f" {item}" if count % 2 else ""
        return self.add(f"{half} {half}{odd}")

    def _up_to(self, item: str, count: int) -> str:
        if count == 0:
            return ""
        if count <= _LONGEST_CHAIN:
            return f"{item}{{0,{count}}}"
        half = count // 2
        return self.add(f"{self._exactly(item, half)} {self._up_to(item, count - half)} | {self._up_to(item, half - 1)}")

    def text(self, root: str) -> str:
        lines = [f"{name} ::= {body}" for name, body in self._bodies.items()]
        return "\n".join([f"root ::= {root}", *lines])
