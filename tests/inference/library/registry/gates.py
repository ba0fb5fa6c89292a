"""Gatekeepers that a test puts into the proxy: who may pass to the registry behind it."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from tests.inference.library.registry.faulty_proxy import Asked, Sent

EMPTY_SHA256_BASE64 = "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ=="


@dataclass
class TokenGate:
    """Docker's token authentication: every token is good for `uses` requests. `wants` is the Authorization under which it gives
    one: a Basic value, "signature" for one by an ed25519 key, or "" for anybody."""

    realm: str
    uses: int = 10**6
    wants: str = ""
    #: Answers to requests for a token: the Authorization that came with each.
    given_for: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    _left: int = 0

    def __call__(self, asked: Asked, sent: Sent) -> Sent:
        if urlsplit(asked.target).path == "/token":
            return self._give(asked)
        token = f"Bearer token-{len(self.given_for)}"
        if asked.headers.get("authorization") == token and self._left > 0:
            self._left -= 1
            return sent
        scope = "repository:library/gated:pull"
        return Sent(401, {"www-authenticate": f'Bearer realm="{self.realm}",service="test",scope="{scope}"'}, b"{}")

    def _give(self, asked: Asked) -> Sent:
        shown = asked.headers.get("authorization", "")
        if self.wants == "signature":
            is_known = is_signed(asked, self.realm, shown)
        else:
            is_known = not self.wants or shown == self.wants
        if not is_known:
            return Sent(401, {}, b"{}")
        self.given_for.append(shown)
        self.scopes += parse_qs(urlsplit(asked.target).query).get("scope", [])
        self._left = self.uses
        return Sent(200, {"content-type": "application/json"}, json.dumps({"token": f"token-{len(self.given_for)}"}).encode())


def is_signed(asked: Asked, realm: str, shown: str) -> bool:
    """Whether it is `<key>:<signature>` over the very request, as Ollama's registry wants it. Raises for a false one."""
    key, _, signature = shown.partition(":")
    if not signature:
        return False
    query = urlsplit(asked.target).query
    assert parse_qs(query).keys() == {"service", "scope", "ts", "nonce"}
    public_key = load_ssh_public_key(f"ssh-ed25519 {key}".encode())
    signed = f"GET,{realm}?{query},{EMPTY_SHA256_BASE64}".encode()
    public_key.verify(base64.b64decode(signature), signed)  # type: ignore[call-arg, union-attr]
    return True
