"""What browsers ask before they let a page call another site.

A page can do here only what it has a key for, and a key is nothing that a browser adds by itself as it does cookies. So every
origin is let in, and answered before anybody asks for a key: a preflight never carries one.
"""

import re

_HEADERS = re.compile(rb"[!#$%&'*+.^_`|~0-9a-zA-Z-]+(?:\s*,\s*[!#$%&'*+.^_`|~0-9a-zA-Z-]+)*")
_LONGEST = 2000
_USUAL_HEADERS = b"Authorization, Content-Type, X-Api-Key"
_PREFLIGHT_S = 12 * 3600

Headers = list[tuple[bytes, bytes]]


def is_preflight(method: str, headers: dict[bytes, bytes]) -> bool:
    return method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers


def preflight_headers(headers: dict[bytes, bytes]) -> Headers:
    asked = headers.get(b"access-control-request-headers", b"").strip()
    is_usable = len(asked) <= _LONGEST and _HEADERS.fullmatch(asked) is not None
    leave = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE, HEAD, OPTIONS"),
        (b"access-control-allow-headers", asked if is_usable else _USUAL_HEADERS),
        (b"access-control-max-age", str(_PREFLIGHT_S).encode()),
        (b"vary", b"Access-Control-Request-Headers"),
    ]
    if headers.get(b"access-control-request-private-network") == b"true":
        leave.append((b"access-control-allow-private-network", b"true"))
    return leave


def leave_to_read(headers: dict[bytes, bytes]) -> Headers:
    """For the answer to a page; programs send no Origin."""
    if b"origin" not in headers:
        return []
    return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"*")]
