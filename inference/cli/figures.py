"""Numbers, sizes and times as Ollama prints them."""

import math
from datetime import UTC, datetime

_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))
_MINUTE, _HOUR, _YEAR_HOURS = 60, 3600, 24 * 365
#: A model that stays loaded for more years than this stays for ever.
_FOREVER_YEARS = 20


def human_bytes(size: int) -> str:
    """Decimal units: whole from ten on, else one digit after the point unless it is exact."""
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if size >= factor), (1, "B"))
    value = size / factor
    if value >= 10 or value == math.trunc(value):
        return f"{int(value)} {unit}"
    return f"{value:.1f} {unit}"


def human_number(number: int) -> str:
    """Counts of parameters."""
    if number >= 10**9:
        value = number / 10**9
        return f"{value:.0f}B" if value.is_integer() else f"{value:.1f}B"
    if number >= 10**6:
        value = number / 10**6
        return f"{value:.0f}M" if value.is_integer() else f"{value:.2f}M"
    return f"{number / 1000:.0f}K" if number >= 1000 else str(number)


def human_duration(seconds: float) -> str:
    """About how long, in words."""
    if seconds < _MINUTE:
        return {0: "Less than a second", 1: "1 second"}.get(int(seconds), f"{int(seconds)} seconds")
    if seconds < _HOUR:
        minutes = int(seconds / _MINUTE)
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = math.floor(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    for below, unit_hours, unit in (
        (48, 1, "hours"),
        (14 * 24, 24, "days"),
        (60 * 24, 7 * 24, "weeks"),
        (2 * _YEAR_HOURS, 30 * 24, "months"),
    ):
        if hours < below:
            return f"{hours // unit_hours} {unit}"
    return f"{int(seconds / _HOUR / _YEAR_HOURS)} years"


def human_time(moment: datetime | None, *, now: datetime | None = None, never: str = "Never") -> str:
    """How long ago, or how long from now."""
    if moment is None:
        return never
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    if seconds > 0:
        is_forever = int(seconds / _HOUR) // _YEAR_HOURS > _FOREVER_YEARS
        return "Forever" if is_forever else f"{human_duration(seconds)} from now"
    return f"{human_duration(-seconds)} ago"


def human_span(seconds: float) -> str:
    """A measured time, exact enough to compare: 873.2ms, 12.34s, 1m2.5s."""
    if seconds < 1:
        return f"{seconds * 1000:.4g}ms" if seconds >= 0.001 else f"{seconds * 1e6:.4g}µs"
    if seconds < _MINUTE:
        return f"{seconds:.6g}s"
    minutes, rest = divmod(seconds, _MINUTE)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + f"{minutes}m{rest:.4g}s"


def remaining(seconds: float) -> str:
    """Time left of a download: 9s, 3m12s, 2h05m."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m" if whole < 100 * _HOUR else "99h+"


def read_time(text: str) -> datetime | None:
    """RFC 3339 with any number of digits after the second; None for what is no time, and for Go's zero time."""
    head, point, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    try:
        moment = datetime.fromisoformat(f"{head}{point}{rest[:digits][:6].ljust(6, '0')}{rest[digits:]}" if point else text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1 else None
