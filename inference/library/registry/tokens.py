"""Answers a registry's challenge: with a user name and password, with a token fetched for them, or with one for our key.

Docker's way (distribution's "token authentication"): `GET realm?service=…&scope=…` with Basic authorization gives a token.
Ollama's: the same with `ts` and `nonce`, and in place of Basic a signature by our key over the request. The key is shown only
to the registry itself; a realm elsewhere is asked without.
"""

import base64
import hashlib
import os
import time
from http import HTTPStatus

import httpx
import msgspec

from inference.errors import RegistryError, RegistryRefused
from inference.library.registry.challenge import Challenge
from inference.library.registry.identity import Identity
from inference.library.registry.logins import Login
from inference.library.registry.patience import PassingFailure, describe, failure_of
from inference.library.registry.responses import read_bounded

_LONGEST_ANSWER = 256 * 1024
_LONGEST_TOKEN = 64 * 1024
#: Of the body, which is empty, as Ollama writes it: base64 of the hex digits.
_EMPTY_SHA256 = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()


class _TokenAnswer(msgspec.Struct):
    token: str = ""
    access_token: str = ""


_decoder = msgspec.json.Decoder(_TokenAnswer)


def basic(login: Login) -> str:
    pair = f"{login.username or 'token'}:{login.password}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


async def authorization_for(
    challenge: Challenge, origin: httpx.URL, *, http: httpx.AsyncClient, login: Login | None, identity: Identity
) -> str:
    """The value of the Authorization header. Raises `RegistryError`, or `PassingFailure` when it may help to ask again."""
    if challenge.scheme == "basic":
        if login is None:
            raise RegistryRefused("it asks for a user name and password")
        return basic(login)
    url = _token_url(challenge, origin)
    if login is not None:
        return await _ask(http, url, basic(login))
    if url.netloc == origin.netloc:
        signed = url.copy_merge_params({"ts": str(int(time.time())), "nonce": base64.urlsafe_b64encode(os.urandom(16)).decode()})
        try:
            return await _ask(http, signed, identity.sign(f"GET,{signed},{_EMPTY_SHA256}"))
        except RegistryRefused:
            # A registry that knows nothing of keys may give a token to whoever asks without.
            pass
    return await _ask(http, url, None)


async def _ask(http: httpx.AsyncClient, url: httpx.URL, authorization: str | None) -> str:
    headers = {"authorization": authorization} if authorization else {}
    try:
        async with http.stream("GET", url, headers=headers) as response:
            if failure := failure_of(response):
                raise failure
            content = await read_bounded(response, _LONGEST_ANSWER)
    except httpx.HTTPError as error:
        raise PassingFailure(describe(error)) from None
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise RegistryRefused("it does not accept who asks")
    if response.status_code != HTTPStatus.OK:
        raise RegistryRefused(f"it gives no token ({response.status_code})")
    return f"Bearer {_token(content)}"


def _token_url(challenge: Challenge, origin: httpx.URL) -> httpx.URL:
    try:
        realm = httpx.URL(challenge.realm)
    except httpx.InvalidURL:
        realm = httpx.URL("")
    if realm.scheme not in ("http", "https") or not realm.host:
        raise RegistryError("the registry names no place to sign in at")
    if origin.scheme == "https" and realm.scheme != "https":
        raise RegistryError("the registry wants a sign-in over an insecure connection")
    query = [("service", challenge.service)] if challenge.service else []
    query += [("scope", scope) for scope in challenge.scopes]
    return realm.copy_with(params=httpx.QueryParams([*realm.params.multi_items(), *query]), fragment=None, userinfo=b"")


def _token(content: bytes) -> str:
    try:
        answer = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RegistryError("the registry's token cannot be read") from None
    token = answer.token or answer.access_token
    if not token or len(token) > _LONGEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise RegistryError("the registry's token cannot be read")
    return token
