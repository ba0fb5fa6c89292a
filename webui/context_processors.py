"""What every template may use."""

from typing import Any

from django.http import HttpRequest

THEMES = ("light", "dark")
THEME_COOKIE = "hearth_theme"


def site(request: HttpRequest) -> dict[str, Any]:
    """`theme`: "light" or "dark" when chosen by hand, "" to follow the system."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": theme if theme in THEMES else ""}
