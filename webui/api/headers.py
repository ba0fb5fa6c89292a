"""Which headers go on: those meant for the other end, not those of one connection, of this site, or of who asks."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

_OF_ONE_CONNECTION = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"http2-settings", b"expect",
    )
)  # fmt: skip
#: The runtime checks Origin and Host against browsers, which have been dealt with here. It is never to see a key or a cookie.
_NOT_TO_THE_RUNTIME = _OF_ONE_CONNECTION | frozenset(
    (
        b"host", b"origin", b"referer", b"cookie", b"authorization", b"x-api-key", b"accept-encoding", b"content-length",
        b"forwarded", b"x-real-ip",
    )
)  # fmt: skip
_NOT_TO_THE_CLIENT = _OF_ONE_CONNECTION | frozenset((b"set-cookie", b"server", b"www-authenticate"))


def to_the_runtime(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without what says how long the body is: whoever sends it on says so."""
    given = list(headers)
    named = _named_by_connection(given)
    return [
        (name, value)
        for name, value in given
        if name not in _NOT_TO_THE_RUNTIME
        and name not in named
        and not name.startswith((b"hearth-", b"x-forwarded-", b"sec-", b"access-control-"))
        and _is_one_line(value)
    ]


def to_the_client(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    given = list(headers)
    named = _named_by_connection(given)
    return [
        (name, value)
        for name, value in given
        if name not in _NOT_TO_THE_CLIENT
        and name not in named
        and not name.startswith((b"hearth-", b"access-control-"))
        and _is_one_line(value)
    ]


def _named_by_connection(headers: Headers) -> set[bytes]:
    """`Connection` lists further headers that are of one connection only. What says how the body is to be read is never one of
    them (RFC 9110, 7.6.1): it was read here by those headers, and is to be read there by the same."""
    values = [value for name, value in headers if name == b"connection"]
    named = {token.strip().lower() for value in values for token in value.split(b",")}
    return {name for name in named if not name.startswith(b"content-")}


def _is_one_line(value: bytes) -> bool:
    return not any(sign in value for sign in (b"\r", b"\n", b"\0"))
