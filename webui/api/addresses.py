"""From where a request comes, as the rest of the site counts it: proxies are believed only as many as the settings name."""

from typing import Any

from django.conf import settings


def address_of(scope: dict[str, Any]) -> str:
    """The address that limits count by: whoever is connected, or the entry of `X-Forwarded-For` that the outermost of our own
    proxies wrote. With fewer entries than promised, whoever is connected is the best that is known."""
    client = scope.get("client")
    connected = str(client[0]) if client else "local"
    number: int = settings.TRUSTED_PROXY_COUNT
    if not number:
        return connected
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    entries = [entry.strip() for entry in ",".join(values).split(",") if entry.strip()]
    return entries[-number] if len(entries) >= number else connected
