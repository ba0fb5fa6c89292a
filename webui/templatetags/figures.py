"""Numbers as people read them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext

register = template.Library()
_UNITS = ("B", "kB", "MB", "GB", "TB")


@register.filter
def decimal_size(size_bytes: int) -> str:
    """A file's size in the powers of 1000 that disks and model libraries count in: 98 MB, 4.7 GB."""
    size, unit = float(size_bytes), _UNITS[0]
    for larger in _UNITS[1:]:
        if round(size) < 1000:
            break
        size, unit = size / 1000, larger
    decimals = 1 if size < 10 and unit not in ("B", "kB") else 0
    return f"{number_format(round(size, decimals), decimals)} {unit}"


@register.filter
def tokens(count: int) -> str:
    """A number of tokens as models are described by it: 2,048 as it is, 131,072 as 128K."""
    return f"{count // 1024}K" if count >= 8192 and count % 1024 == 0 else number_format(count, 0, force_grouping=True)


@register.filter
def count(number: int | None) -> str:
    """A number of things, exactly, in groups of digits: 1,234,567."""
    return number_format(number or 0, 0, force_grouping=True)


@register.filter
def time_left(seconds: int) -> str:
    """About how long something goes on: 40 s left, 3 min left, 2 h 5 min left."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return gettext("%(seconds)s s left") % {"seconds": seconds}
    if minutes < 60:
        return gettext("%(minutes)s min left") % {"minutes": minutes}
    return gettext("%(hours)s h %(minutes)s min left") % {"hours": minutes // 60, "minutes": minutes % 60}


@register.filter
def seconds(milliseconds: int) -> str:
    """How long something took: 0.4 s, 12 s, 2 min 5 s."""
    whole = round(milliseconds / 1000)
    if milliseconds < 9_950:
        return gettext("%(seconds)s s") % {"seconds": number_format(milliseconds / 1000, 1)}
    if whole < 60:
        return gettext("%(seconds)s s") % {"seconds": whole}
    return gettext("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": whole % 60}


@register.filter
def whole_percent(fraction: float) -> str:
    """0.437 as 43 %: never 100 before the end."""
    return gettext("%(number)s %%") % {"number": int(fraction * 100)}


@register.filter
def rate(value: float) -> str:
    """A speed in two or three digits: 8.4, 131, 1,240."""
    return number_format(round(value, 1 if value < 20 else None), 1 if value < 20 else 0, force_grouping=True)
