"""Where chat templates run. They come with model files from anywhere, so they are programs of strangers.

What holds a template back:
- Jinja's immutable sandbox: no attributes that lead into Python, no changing of what it is given, `range` up to 100,000;
- a deadline, looked at on every line and every call of the template and so also in loops without output;
- bounds on its source, on its output, and on what `*`, `**`, `%`, `+`, `~` and the filters that pad may make.

What remains: one call of a built-in that runs in C (such as `replace` or `join` on texts near the bound) cannot be
interrupted and can take much memory. It happens in the runner process, off its decode thread, so it costs one model and
not the site.
"""

import json
import re
import sys
import time
from datetime import datetime
from types import FrameType
from typing import Any, NoReturn

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SOURCE_CHARS = 512 * 1024
MAX_VALUE_CHARS = 64 * 1024 * 1024
_MAX_INTEGER_BITS = 4096
_MAX_WIDTH = 99_999
_LARGE_NUMBER = re.compile(r"\d{6,}")
_WIDTH_FROM_VALUE = re.compile(r"\*|\{[^{}]*\{")
_CONCAT = "__concat"
_TEMPLATE_FILE = "<template>"


class TemplateLimitExceeded(TemplateError):
    """The template takes too long or makes too much."""


class TemplateRefused(TemplateError):
    """The template itself calls the messages unfit, by `raise_exception`."""


class GenerationBlock(Extension):
    """`{% generation %}…{% endgeneration %}` marks answers for training in Hugging Face's dialect; here it is transparent."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplateEnvironment(ImmutableSandboxedEnvironment):
    """The dialect that Hugging Face's `apply_chat_template` defines, with bounds."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, autoescape=False, extensions=[loopcontrols, GenerationBlock])
        self.filters["tojson"] = _to_json
        self.filters["format"] = _bounded_format(self.filters["format"])
        for name in ("center", "indent"):
            self.filters[name] = _bounded_width(self.filters[name])
        self.globals.update({"raise_exception": _raise_exception, "strftime_now": _strftime_now, _CONCAT: _concat})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _bound_concatenation(tree, self)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            _check_product(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right if isinstance(right, tuple) else (right,))
        elif operator == "+":
            _check_size(_length(left) + _length(right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Padding methods of texts make any size out of a number."""
        name, values = getattr(obj, "__name__", ""), (*args, *kwargs.values())
        if name in {"center", "ljust", "rjust", "zfill", "expandtabs"}:
            _check_size(sum(value for value in values if isinstance(value, int)))
        return super().call(context, obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Any:
        """`str.format` reaches templates through here only."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        def bounded(*args: Any, **kwargs: Any) -> str:
            _check_format(str(value.__self__), (*args, *kwargs.values()))
            return wrapped(*args, **kwargs)

        return bounded


class Deadline:
    """A context manager: code of templates that this thread runs within it is stopped when the time is over.

    It uses the thread's trace function, so a debugger or coverage of the same thread does not see the template run."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._end = time.monotonic() + self._seconds
        self._previous = sys.gettrace()
        sys.settrace(self._on_call)

    def __exit__(self, *_exception: object) -> None:
        sys.settrace(self._previous)

    def _on_call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        self._check()
        # Line by line within the template's own compiled code; elsewhere only calls are looked at.
        return self._on_line if frame.f_code.co_filename == _TEMPLATE_FILE else None

    def _on_line(self, _frame: FrameType, _event: str, _arg: object) -> Any:
        self._check()
        return self._on_line

    def _check(self) -> None:
        if time.monotonic() > self._end:
            raise TemplateLimitExceeded(f"it did not finish within {self._seconds:g} seconds")


def _bound_concatenation(tree: nodes.Template, environment: Environment) -> None:
    """`a ~ b` is not an operator that the sandbox can intercept: it becomes a call of a function that can count."""
    for node in [tree, *tree.find_all(nodes.Node)]:
        for field, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, field, _concat_call(value, environment))
            elif isinstance(value, list):
                value[:] = [_concat_call(item, environment) if isinstance(item, nodes.Concat) else item for item in value]


def _concat_call(node: nodes.Concat, environment: Environment) -> nodes.Call:
    call = nodes.Call(nodes.Name(_CONCAT, "load"), node.nodes, [], None, None)
    call.set_lineno(node.lineno).set_environment(environment)
    return call


def _concat(*values: Any) -> str:
    texts = [str(value) for value in values]
    _check_size(sum(map(len, texts)))
    return "".join(texts)


def _check_product(left: Any, right: Any) -> None:
    for sequence, factor in ((left, right), (right, left)):
        if isinstance(factor, int):
            _check_size(_length(sequence) * factor)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * abs(right))


def _check_bits(bits: int) -> None:
    if bits > _MAX_INTEGER_BITS:
        raise TemplateLimitExceeded("it computes with a number that is too large")


def _check_size(size: int) -> None:
    if size > MAX_VALUE_CHARS:
        raise TemplateLimitExceeded("it makes a text that is too long")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


def _check_format(pattern: str, values: tuple[Any, ...]) -> None:
    """A width or precision stands in the pattern, or (`*`, `{:{}}`) among the values."""
    from_values = [value for value in values if isinstance(value, int)] if _WIDTH_FROM_VALUE.search(pattern) else []
    if _LARGE_NUMBER.search(pattern) or any(value > _MAX_WIDTH for value in from_values):
        raise TemplateLimitExceeded("it pads a text too far")


def _bounded_width(original: Any) -> Any:
    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        widths = sum(arg for arg in (*args, *kwargs.values()) if isinstance(arg, int))
        _check_size(widths * (1 + str(value).count("\n")))
        return original(value, *args, **kwargs)

    return bounded


def _bounded_format(original: Any) -> Any:
    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        _check_format(str(value), (*args, *kwargs.values()))
        return original(value, *args, **kwargs)

    return bounded


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    """As Hugging Face has it: Jinja's own would escape for HTML."""
    known = {key: options[key] for key in ("separators", "sort_keys") if key in options}
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **known)


def _strftime_now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRefused(message)
