"""What every template may use."""

from typing import Any

from django.http import HttpRequest

THEMES = ("light", "dark")
THEME_COOKIE = "hearth_theme"


def theme_of(request: HttpRequest) -> str:
    """ "light" or "dark" when chosen by hand, "" to follow the system."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def site(request: HttpRequest) -> dict[str, Any]:
    """`theme`: see `theme_of`."""
    return {"theme": theme_of(request)}
