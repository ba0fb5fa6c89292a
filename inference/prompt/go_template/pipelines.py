"""The inside of an action: pipelines, commands and operands."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.lexer import Token, error_at
from inference.prompt.go_template.literals import character_of, number_of, string_of
from inference.prompt.go_template.nodes import (
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Literal,
    Nil,
    Operand,
    Pipe,
    Variable,
)

#: Blocks within blocks, and parentheses within parentheses.
MAX_DEPTH = 60
_OPERANDS = ("bool", "char", "dot", "field", "identifier", "number", "nil", "string", "variable", "(")


class PipelineParser:
    """The tokens of a source with the place that has been read up to, and the variables that are known there."""

    def __init__(self, source: str, tokens: list[Token], *, functions: frozenset[str]) -> None:
        self._source = source
        self._tokens = tokens
        self._index = 0
        self._functions = functions
        self._depth = 0
        self.variables = ["$"]

    def peek(self) -> Token:
        return self._tokens[self._index]

    def next(self) -> Token:
        token = self._tokens[self._index]
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def peek_visible(self) -> Token:
        """The next token that is no space."""
        index = self._index
        while self._tokens[index].kind == "space":
            index += 1
        return self._tokens[index]

    def next_visible(self) -> Token:
        while self.peek().kind == "space":
            self.next()
        return self.next()

    def error(self, message: str) -> GoTemplateError:
        return error_at(self._source, self.peek().position, message)

    def unexpected(self, token: Token, context: str) -> GoTemplateError:
        shown = "end of the template" if token.kind == "end" else repr(token.text[:20])
        return error_at(self._source, token.position, f"unexpected {shown} in {context}")

    def close(self, context: str) -> None:
        token = self.next_visible()
        if token.kind != "close":
            raise self.unexpected(token, context)

    def template_name(self, context: str) -> str:
        token = self.next_visible()
        if token.kind != "string":
            raise self.unexpected(token, context)
        return str(self._constant(token))

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error("nested too deeply")
        yield
        self._depth -= 1

    def pipeline(self, context: str, end: str = "close", *, closes: bool = True) -> Pipe:
        """Up to and with the token `end`; up to it only, when it is not to be closed."""
        pipe = Pipe()
        self._declarations(pipe, context)
        while (token := self.peek_visible()).kind != end:
            if token.kind not in _OPERANDS:
                raise self.unexpected(token, context)
            pipe.commands.append(self._command())
        if closes:
            self.next_visible()
        if not pipe.commands:
            raise self.error(f"missing value for {context}")
        for command in pipe.commands[1:]:
            if isinstance(command.operands[0], Dot | Nil | Literal):
                raise self.error("non executable command in a pipeline")
        return pipe

    def _declarations(self, pipe: Pipe, context: str) -> None:
        while self.peek_visible().kind == "variable":
            before = self._index
            variable = self.next_visible()
            following = self.peek_visible()
            if following.kind not in ("assign", "declare", "comma"):
                self._index = before
                return
            self.next_visible()
            pipe.variables.append(variable.text)
            self.variables.append(variable.text)
            if following.kind != "comma":
                pipe.is_assignment = following.kind == "assign"
                return
            if context != "range" or len(pipe.variables) > 1:
                raise self.error(f"too many declarations in {context}")
            if self.peek_visible().kind not in ("variable", "close", ")"):
                raise self.error("range can only initialize variables")

    def _command(self) -> Command:
        operands: list[Operand] = []
        while True:
            operand = self._operand()
            if operand is not None:
                operands.append(operand)
            token = self.peek()
            if token.kind == "space":
                self.next()
                continue
            if token.kind == "pipe":
                self.next()
            elif token.kind not in ("close", ")"):
                raise self.unexpected(token, "operand")
            break
        if not operands:
            raise self.error("empty command")
        return Command(operands)

    def _operand(self) -> Operand | None:
        term = self._term()
        names = []
        while term is not None and self.peek().kind == "field":
            names.append(self.next().text[1:])
        if not names or term is None:
            return term
        match term:
            case Field() | Variable():
                term.names.extend(names)
                return term
            case Pipe() | Function():
                return Chain(term, names)
        raise self.error("unexpected . after a constant")

    def _term(self) -> Operand | None:
        token = self.peek_visible()
        if token.kind not in _OPERANDS:
            return None
        self.next_visible()
        match token.kind:
            case "identifier":
                if token.text not in self._functions:
                    raise self.error(f"function {token.text[:40]!r} not defined")
                return Function(token.text)
            case "dot":
                return Dot()
            case "nil":
                return Nil()
            case "field":
                return Field([token.text[1:]])
            case "variable":
                if token.text not in self.variables:
                    raise self.error(f"undefined variable {token.text[:40]!r}")
                return Variable(token.text, [])
            case "(":
                with self.deeper():
                    return self.pipeline("parenthesized pipeline", ")")
        return Literal(self._constant(token))

    def _constant(self, token: Token) -> bool | int | float | str:
        try:
            match token.kind:
                case "bool":
                    return token.text == "true"
                case "string":
                    return string_of(token.text)
                case "char":
                    return character_of(token.text)
            number = number_of(token.text)
            if isinstance(number, float) and not math.isfinite(number):
                raise ValueError("number is too large")
        except (ValueError, OverflowError) as error:
            reason = "invalid text" if isinstance(error, UnicodeError) else str(error)
            raise error_at(self._source, token.position, reason) from None
        return number
