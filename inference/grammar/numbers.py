"""Rules for whole numbers, and for numbers between whole bounds."""

#: Digits before the point; all of them are exact in a 64-bit float.
_MAX_DIGITS = 15
_FRACTION = '("." [0-9]{1,15})?'
_ZERO_FRACTION = '("." "0"{1,15})?'
_SOME_FRACTION = '"." [0-9]{0,14} [1-9] [0-9]{0,14}'
INTEGER = '"-"? ("0" | [1-9] [0-9]{0,14})'
NUMBER = INTEGER + ' ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?'
_LARGEST = 10**_MAX_DIGITS - 1


def integer_between(low: int | None, high: int | None) -> str:
    """GBNF for the whole numbers from `low` to `high`, both included; empty when there is none. None is no bound.
    No number has more than 15 digits."""
    low, high = max(-_LARGEST, -_LARGEST if low is None else low), min(_LARGEST, _LARGEST if high is None else high)
    options = []
    if low < 0 and low <= high:
        options.append(f'"-" ({_naturals(max(1, -high), -low)})')
    if high >= 0 and low <= high:
        options.append(_naturals(max(0, low), high))
    return " | ".join(options)


def number_between(low: int | None, high: int | None, *, is_low_open: bool, is_high_open: bool) -> str:
    """GBNF for the numbers from `low` to `high`, without those bounds that are open; empty when there is none."""
    low, high = (-_LARGEST if low is None else low), (_LARGEST if high is None else high)
    options = []
    if high > 0:
        options += _positive(max(low, 0), high, is_low_open and low >= 0, is_high_open)
    if low < 0:
        options += [f'"-" {part}' for part in _positive(max(-high, 0), -low, is_high_open and high <= 0, is_low_open)]
    if high == 0 and not is_high_open and low <= 0 and not (is_low_open and low == 0):
        options.append(f'"0" {_ZERO_FRACTION}')
    if low == high and low >= 0 and not (is_low_open or is_high_open):
        options = [f'"{low}" {_ZERO_FRACTION}']
    return " | ".join(options)


def _positive(low: int, high: int, is_low_open: bool, is_high_open: bool) -> list[str]:
    """Numbers of at least 0: those whose whole part lies below `high`, and `high` itself."""
    options = []
    if low < high:
        if is_low_open:
            options.append(f'"{low}" {_SOME_FRACTION}')
        first = low + is_low_open
        if first < high:
            options.append(f"({_naturals(first, high - 1)}) {_FRACTION}")
    if low <= high and not is_high_open and not (is_low_open and low == high):
        options.append(f'"{high}" {_ZERO_FRACTION}')
    return options


def _naturals(low: int, high: int) -> str:
    """Whole numbers of at least 0, without leading zeros."""
    options = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        first, last = max(low, 10 ** (digits - 1) if digits > 1 else 0), min(high, 10**digits - 1)
        options += _same_length(str(first), str(last))
    return " | ".join(options)


def _same_length(low: str, high: str) -> list[str]:
    if low == high:
        return [f'"{low}"']
    if set(low) == {"0"} and set(high) == {"9"}:
        return [_digits(len(low))]
    start = next(i for i in range(len(low)) if low[i] != high[i])
    prefix, rest = f'"{low[:start]}" ' if start else "", len(low) - start - 1
    if rest == 0:
        return [f"{prefix}[{low[start]}-{high[start]}]"]
    first, last, options = int(low[start]), int(high[start]), list[str]()
    if set(low[start + 1 :]) != {"0"}:
        options += [f'{prefix}"{first}" {part}' for part in _same_length(low[start + 1 :], "9" * rest)]
        first += 1
    has_end = set(high[start + 1 :]) != {"9"}
    if first <= last - has_end:
        options.append(f"{prefix}[{first}-{last - has_end}] {_digits(rest)}")
    if has_end:
        options += [f'{prefix}"{last}" {part}' for part in _same_length("0" * rest, high[start + 1 :])]
    return options


def _digits(count: int) -> str:
    return f"[0-9]{{{count}}}" if count > 1 else "[0-9]"
