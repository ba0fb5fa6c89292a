"""`eq`, `ne`, `lt`, `le`, `gt`, `ge` as Go's text/template has them: values of different kinds are not compared but refused."""

from typing import Any

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.values import ABSENT, Budget, kind_of, type_name


def eq(_budget: Budget, first: Any, *others: Any) -> bool:
    """Whether the first is equal to one of the others."""
    if not others:
        raise GoTemplateError("compares one value with nothing")
    return any(_equal(first, other) for other in others)


def ne(budget: Budget, first: Any, second: Any) -> bool:
    return not eq(budget, first, second)


def lt(_budget: Budget, first: Any, second: Any) -> bool:
    kind, other = kind_of(first), kind_of(second)
    if not kind or kind != other or kind == "bool":
        raise GoTemplateError(f"cannot order {type_name(first)} and {type_name(second)}")
    return bool(first < second)


def le(budget: Budget, first: Any, second: Any) -> bool:
    return lt(budget, first, second) or eq(budget, first, second)


def gt(budget: Budget, first: Any, second: Any) -> bool:
    return not le(budget, first, second)


def ge(budget: Budget, first: Any, second: Any) -> bool:
    return not lt(budget, first, second)


def _equal(first: Any, second: Any) -> bool:
    if _is_nothing(first) or _is_nothing(second):
        return _is_nothing(first) and _is_nothing(second)
    kind, other = kind_of(first), kind_of(second)
    if kind != other or not kind:
        raise GoTemplateError(f"cannot compare {type_name(first)} with {type_name(second)}")
    return bool(first == second)


def _is_nothing(value: Any) -> bool:
    return value is None or value is ABSENT
