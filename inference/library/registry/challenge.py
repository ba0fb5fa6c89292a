"""`WWW-Authenticate`: how a registry wants to be told who asks (RFC 9110, 11.6.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SCHEME = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?\Z", re.DOTALL)
_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_LONGEST = 8192


@dataclass(frozen=True)
class Challenge:
    """`scheme` in lower case. `scopes` as the registry names them, such as `repository:library/x:pull`."""

    scheme: str
    realm: str = ""
    service: str = ""
    scopes: tuple[str, ...] = ()


def find_challenge(headers: Iterable[str]) -> Challenge | None:
    """The challenge we can answer, Bearer before Basic; None when there is none."""
    found = {challenge.scheme: challenge for challenge in map(_parse, headers) if challenge is not None}
    return found.get("bearer") or found.get("basic")


def _parse(header: str) -> Challenge | None:
    match = _SCHEME.match(header[:_LONGEST])
    if match is None:
        return None
    parameters = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(match[2] or "")}
    scopes = tuple(parameters.get("scope", "").split())
    return Challenge(match[1].lower(), parameters.get("realm", ""), parameters.get("service", ""), scopes)
