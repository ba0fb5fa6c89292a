"""A Go template as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Dot:
    pass


@dataclass(slots=True)
class Nil:
    pass


@dataclass(slots=True)
class Literal:
    """A constant: bool, int, float or str."""

    value: Any


@dataclass(slots=True)
class Field:
    """`.Messages` or `.Function.Name`."""

    names: list[str]


@dataclass(slots=True)
class Variable:
    """`$` or `$m`, with the fields asked of it."""

    name: str
    names: list[str]


@dataclass(slots=True)
class Function:
    name: str


@dataclass(slots=True)
class Chain:
    """Fields of what an operand in parentheses gives."""

    operand: "Pipe | Function"
    names: list[str]


@dataclass(slots=True)
class Command:
    """The first operand with the others as its arguments."""

    operands: "list[Operand]"


@dataclass(slots=True)
class Pipe:
    """Commands, each of which gets the value before it as its last argument, and the variables that are set to the result."""

    commands: list[Command] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    #: `=` in place of `:=`.
    is_assignment: bool = False


Operand = Dot | Nil | Literal | Field | Variable | Function | Chain | Pipe


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Action:
    """Writes what the pipe gives, unless it sets a variable."""

    pipe: Pipe


@dataclass(slots=True)
class Branch:
    """`if`, `with` or `range`."""

    keyword: str
    pipe: Pipe
    body: "list[Node]"
    otherwise: "list[Node]"


@dataclass(slots=True)
class TemplateCall:
    name: str
    pipe: Pipe | None


@dataclass(slots=True)
class Jump:
    """`break` or `continue`."""

    keyword: str


Node = Text | Action | Branch | TemplateCall | Jump


def operands_in(nodes: "list[Node]") -> Iterator[Operand]:
    """Every operand, however deep."""
    for node in nodes:
        if isinstance(node, Action | Branch | TemplateCall) and node.pipe is not None:
            yield from _operands_of(node.pipe)
        if isinstance(node, Branch):
            yield from operands_in(node.body)
            yield from operands_in(node.otherwise)


def _operands_of(pipe: Pipe) -> Iterator[Operand]:
    for command in pipe.commands:
        for operand in command.operands:
            yield operand
            inner = operand.operand if isinstance(operand, Chain) else operand
            if isinstance(inner, Pipe):
                yield from _operands_of(inner)


def names_in(operand: Operand) -> list[str]:
    """The fields that an operand names."""
    return operand.names if isinstance(operand, Field | Variable | Chain) else []
