"""Runs a parsed template over its values, as text/template's `Execute` with the option `missingkey=zero`."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.functions import FUNCTIONS
from inference.prompt.go_template.json_text import json_text
from inference.prompt.go_template.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Jump,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    TemplateCall,
    Text,
    Variable,
)
from inference.prompt.go_template.printing import text_of
from inference.prompt.go_template.type_script import type_script_type
from inference.prompt.go_template.values import (
    ABSENT,
    Budget,
    OrderedMap,
    Record,
    RecordList,
    TypeNames,
    is_integer,
    is_true,
    sorted_items,
    type_name,
)

#: Blocks, parentheses and templates that are open at the same time.
_MAX_DEPTH = 100
#: Between two looks at the clock.
_STEPS = 256
_MISSING: Any = object()


class _LoopJump(Exception):
    def __init__(self, keyword: str) -> None:
        self.keyword = keyword


class Renderer:
    """For one rendering."""

    def __init__(self, defined: Mapping[str, list[Node]], *, seconds: float) -> None:
        self._defined = defined
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._num_steps = 0
        self._depth = 0
        self._budget = Budget()
        self._output: list[str] = []
        self._variables: list[tuple[str, Any]] = []

    def render(self, nodes: list[Node], data: Any) -> str:
        """Raises `GoTemplateError`."""
        try:
            self._call(nodes, data)
        except RecursionError:
            raise GoTemplateError("is nested too deeply") from None
        return "".join(self._output)

    def _call(self, nodes: list[Node], data: Any) -> None:
        variables, self._variables = self._variables, [("$", data)]
        self._walk_all(nodes, data)
        self._variables = variables

    def _step(self) -> None:
        self._num_steps += 1
        if self._num_steps % _STEPS == 0 and time.monotonic() > self._end:
            raise GoTemplateError(f"did not finish within {self._seconds:g} seconds")

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise GoTemplateError("is nested too deeply, or calls itself without end")

    def _write(self, text: str) -> None:
        self._budget.take(len(text))
        self._output.append(text)

    def _walk_all(self, nodes: list[Node], dot: Any) -> None:
        self._enter()
        depth = self._depth
        try:
            for node in nodes:
                self._walk(node, dot)
        finally:
            self._depth = depth - 1

    def _walk(self, node: Node, dot: Any) -> None:
        self._step()
        match node:
            case Text(text):
                self._write(text)
            case Action(pipe):
                value = self._pipe(pipe, dot)
                if not pipe.variables:
                    self._write("<no value>" if value is ABSENT or value is None else text_of(value, self._budget))
            case Branch():
                num_variables = len(self._variables)
                self._branch(node, dot)
                del self._variables[num_variables:]
            case TemplateCall(name, pipe):
                if name not in self._defined:
                    raise GoTemplateError(f"uses the template {name[:40]!r}, which it does not define")
                self._call(self._defined[name], ABSENT if pipe is None else self._pipe(pipe, dot))
            case Jump(keyword):
                raise _LoopJump(keyword)

    def _branch(self, node: Branch, dot: Any) -> None:
        value = self._pipe(node.pipe, dot)
        if node.keyword == "range":
            self._range(node, value, dot)
        elif not is_true(value):
            self._walk_all(node.otherwise, dot)
        else:
            self._walk_all(node.body, value if node.keyword == "with" else dot)

    def _range(self, node: Branch, value: Any, dot: Any) -> None:
        is_empty, mark = True, len(self._variables)
        for key, element in _elements(value):
            is_empty = False
            self._step()
            self._set_loop_variables(node.pipe, key, element)
            try:
                self._walk_all(node.body, element)
            except _LoopJump as jump:
                if jump.keyword == "break":
                    break
            finally:
                del self._variables[mark:]
        if is_empty:
            self._walk_all(node.otherwise, dot)

    def _set_loop_variables(self, pipe: Pipe, key: Any, element: Any) -> None:
        """One variable is the element; of two, the first is the index or key."""
        names = pipe.variables
        values = [element] if len(names) == 1 else [key, element][: len(names)]
        for number, (name, value) in enumerate(zip(names, values, strict=True)):
            if pipe.is_assignment:
                self._assign(name, value)
            else:
                self._variables[number - len(names)] = (name, value)

    def _assign(self, name: str, value: Any) -> None:
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return
        raise GoTemplateError(f"sets the variable {name[:40]}, which is not there")

    def _pipe(self, pipe: Pipe, dot: Any) -> Any:
        self._enter()
        value: Any = _MISSING
        for command in pipe.commands:
            value = self._command(command, dot, value)
            if value is None:
                value = ABSENT
        for name in pipe.variables:
            if pipe.is_assignment:
                self._assign(name, value)
            else:
                self._variables.append((name, value))
        self._depth -= 1
        return value

    def _command(self, command: Command, dot: Any, final: Any) -> Any:
        self._step()
        first, *arguments = command.operands
        if isinstance(first, Function):
            return self._function(first.name, arguments, dot, final)
        if arguments or final is not _MISSING:
            raise GoTemplateError("gives an argument to what is no function")
        if isinstance(first, Nil):
            raise GoTemplateError("has nil in place of a command")
        return self._operand(first, dot)

    def _operand(self, operand: Operand, dot: Any) -> Any:
        match operand:
            case Literal(value):
                return value
            case Dot():
                return dot
            case Nil():
                return None
            case Field(names):
                return self._fields(dot, names)
            case Variable(name, names):
                return self._fields(self._variable(name), names)
            case Chain(inner, names):
                return self._fields(self._operand(inner, dot), names)
            case Function(name):
                return self._function(name, [], dot, _MISSING)
            case Pipe():
                return self._pipe(operand, dot)

    def _variable(self, wanted: str) -> Any:
        for name, value in reversed(self._variables):
            if name == wanted:
                return value
        raise GoTemplateError(f"uses the variable {wanted[:40]}, which is not there")

    def _function(self, name: str, arguments: list[Operand], dot: Any, final: Any) -> Any:
        function, fewest, most = FUNCTIONS[name]
        num_arguments = len(arguments) + (final is not _MISSING)
        if not fewest <= num_arguments <= most:
            raise GoTemplateError(f"calls {name} with {num_arguments} arguments")
        if name in ("and", "or"):
            return self._and_or(name, arguments, dot, final)
        values = [self._operand(argument, dot) for argument in arguments]
        if final is not _MISSING:
            values.append(final)
        return function(self._budget, *(None if value is ABSENT else value for value in values))

    def _and_or(self, name: str, arguments: list[Operand], dot: Any, final: Any) -> Any:
        value: Any = ABSENT
        for argument in arguments:
            value = self._operand(argument, dot)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    def _fields(self, value: Any, names: list[str]) -> Any:
        for name in names:
            value = self._field(value, name)
        return value

    def _field(self, value: Any, name: str) -> Any:
        if value is ABSENT:
            return ABSENT
        if name == "String" and (isinstance(value, OrderedMap | RecordList | TypeNames) or _prints_json(value)):
            return text_of(value, self._budget) if isinstance(value, TypeNames) else json_text(value, self._budget)
        if name == "ToTypeScriptType" and isinstance(value, TypeNames | Record):
            return type_script_type(value)
        if isinstance(value, Record) and name in value.fields:
            return value.fields[name]
        if isinstance(value, Mapping):
            return value.get(name)
        raise GoTemplateError(f"asks for the field {name[:40]} of {type_name(value)}")


def _prints_json(value: Any) -> bool:
    return isinstance(value, Record) and value.prints_json


def _elements(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return sorted_items(value)
    if isinstance(value, list | tuple):
        return enumerate(value)
    if is_integer(value):
        return ((number, number) for number in range(value))
    if value is None or value is ABSENT:
        return ()
    raise GoTemplateError(f"ranges over {type_name(value)}")
