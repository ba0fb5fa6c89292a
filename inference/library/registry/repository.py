"""The requests of one model at its registry: signed in when the registry asks for it, redirects followed safely."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from inference.errors import DigestMismatch, NotInRegistry, RegistryError, RegistryRefused
from inference.library.manifests import MANIFEST_TYPE, Manifest
from inference.library.registry.challenge import find_challenge
from inference.library.registry.checks import check_manifest
from inference.library.registry.identity import Identity
from inference.library.registry.logins import Login
from inference.library.registry.patience import PassingFailure, Patience, describe, failure_of
from inference.library.registry.remote_name import RemoteName
from inference.library.registry.responses import read_bounded, read_error
from inference.library.registry.tokens import authorization_for

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_MOST_REDIRECTS = 5
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class RequestNotAccepted(RegistryError):
    """The registry answers 400: it has what is asked for and does not give it in this way."""


@dataclass(frozen=True)
class RemoteManifest:
    """`content`: the very bytes the registry sent, whose sha256 is the model's digest."""

    content: bytes
    manifest: Manifest

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


class Repository:
    """One model at one registry, for the time of one pull or push."""

    def __init__(
        self,
        remote: RemoteName,
        origin: httpx.URL,
        *,
        http: httpx.AsyncClient,
        login: Login | None,
        authorization: str | None = None,
        identity: Identity,
        patience: Patience,
    ) -> None:
        self.remote = remote
        self.patience = patience
        self.origin = origin
        self._http = http
        self._login = login
        self._identity = identity
        self._authorization = authorization
        self._signing_in = asyncio.Lock()
        #: Blobs that are fetched from elsewhere than their registry's usual place.
        self.places: dict[str, httpx.URL] = {}
        #: Where blobs really lie, as the registry said when it was asked for them.
        self._direct: dict[str, httpx.URL] = {}

    def url(self, path: str) -> httpx.URL:
        """Of `manifests/<tag>`, `blobs/<digest>` and the like."""
        return self.origin.join(f"{self.remote.repository_path}/{path}")

    async def manifest(self) -> RemoteManifest:
        """Raises `NotInRegistry` when there is no such model, or another `RegistryError`."""
        return await self.patience.retry(self._manifest, tries=4)

    async def _manifest(self) -> RemoteManifest:
        url = self.url(f"manifests/{self.remote.name.tag}")
        async with self.request("GET", url, headers={"accept": MANIFEST_TYPE}) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                raise NotInRegistry("file does not exist")
            await check_status(response)
            content = await read_bounded(response, MAX_MANIFEST_BYTES)
        promised = response.headers.get("docker-content-digest", "")
        if promised.startswith("sha256:") and promised != f"sha256:{hashlib.sha256(content).hexdigest()}":
            raise DigestMismatch("the manifest is not what the registry says it is")
        return RemoteManifest(content, check_manifest(content))

    async def read_blob(self, digest: str, length: int) -> bytes:
        """See `Registry.read_blob`."""

        async def read() -> bytes:
            content = bytearray()
            async with self.open_blob(digest, 0, length) as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    raise NotInRegistry("blob does not exist")
                await check_status(response)
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) >= length:
                        break
            return bytes(content[:length])

        return await self.patience.retry(read, tries=4)

    @asynccontextmanager
    async def open_blob(self, digest: str, start: int, end: int | None) -> AsyncIterator[httpx.Response]:
        """Bytes from `start` to before `end` of a blob; without `end`, all of it. The status is the caller's to look at.

        Raises `PassingFailure` or `RegistryError`. Where the registry sends us to another host, the address there is
        remembered for the blob, until that host no longer gives it.
        """
        headers = {} if end is None else {"range": f"bytes={start}-{end - 1}"}
        direct = self._direct.get(digest)
        if direct is not None:
            is_given = False
            try:
                async with self._send("GET", direct, headers, None) as response:
                    is_given = response.is_success or response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                    if is_given:
                        yield response
                        return
                    if failure := failure_of(response):
                        raise failure
            finally:
                if not is_given and self._direct.get(digest) == direct:
                    # Its address has expired, or the registry knows a better one by now.
                    del self._direct[digest]
        place = self.places.get(digest) or self.url(f"blobs/{digest}")
        async with self.request("GET", place, headers=headers) as response:
            if not same_origin(response.url, self.origin):
                self._direct[digest] = response.url
            yield response

    @asynccontextmanager
    async def request(
        self, method: str, url: httpx.URL, *, headers: dict[str, str] | None = None, content: Any = None
    ) -> AsyncIterator[httpx.Response]:
        """One request, signed in; redirects of a GET or HEAD are followed, without our authorization to other hosts.

        `content` is bytes, or a function that gives them anew, as an async iterator, for every try.
        Raises `PassingFailure` for what may help to be tried again (also while the body is read inside the block).
        """
        has_signed_in = False
        num_redirects = 0
        while True:
            is_home = same_origin(url, self.origin)
            used = self._authorization if is_home else None
            sent = {**(headers or {}), **({"authorization": used} if used else {})}
            async with self._send(method, url, sent, content) as response:
                if response.status_code == HTTPStatus.UNAUTHORIZED and is_home and not has_signed_in:
                    has_signed_in = await self._sign_in(response, used)
                    if has_signed_in:
                        continue
                if response.is_redirect and method in ("GET", "HEAD"):
                    num_redirects += 1
                    url = self._next(url, response, num_redirects)
                    continue
                if failure := failure_of(response):
                    raise failure
                yield response
                return

    @asynccontextmanager
    async def _send(self, method: str, url: httpx.URL, headers: dict[str, str], content: Any) -> AsyncIterator[httpx.Response]:
        body = content() if callable(content) else content
        try:
            async with self._http.stream(method, url, headers=headers, content=body, follow_redirects=False) as response:
                yield response
        except httpx.HTTPError as error:
            raise PassingFailure(describe(error)) from None
        except httpx.InvalidURL:
            raise RegistryError("the registry sends us to an impossible place") from None

    async def _sign_in(self, response: httpx.Response, used: str | None) -> bool:
        """Whether there is now another authorization to try. Several requests that were refused ask for one token."""
        challenge = find_challenge(response.headers.get_list("www-authenticate"))
        async with self._signing_in:
            if self._authorization != used:
                return True
            if challenge is None:
                return False
            try:
                self._authorization = await authorization_for(
                    challenge, self.origin, http=self._http, login=self._login, identity=self._identity
                )
            except RegistryRefused as refusal:
                raise RegistryRefused(f"access denied by {self.origin.host}: {refusal}") from None
            return True

    def _next(self, url: httpx.URL, response: httpx.Response, num_redirects: int) -> httpx.URL:
        if num_redirects > _MOST_REDIRECTS:
            raise RegistryError("the registry sends us in circles")
        return self.target(url, response.headers.get("location", ""))

    def target(self, url: httpx.URL, location: str) -> httpx.URL:
        """Where the answer from `url` sends us. Raises `RegistryError` where we do not go."""
        try:
            target = url.join(location)
        except httpx.InvalidURL:
            target = httpx.URL("")
        if not location or target.scheme not in ("http", "https") or not target.host:
            raise RegistryError("the registry sends us to an impossible place")
        if url.scheme == "https" and target.scheme == "http" and not self.remote.is_insecure:
            raise RegistryError("the registry sends us to an insecure address")
        return target.copy_with(fragment=None, userinfo=b"")


def same_origin(url: httpx.URL, origin: httpx.URL) -> bool:
    """Whether what is meant for `origin` may be said at `url`: the same host and port, or the same host over TLS."""
    if url.host != origin.host:
        return False
    if (url.scheme, url.port) == (origin.scheme, origin.port):
        return True
    return origin.scheme == "http" and url.scheme == "https" and url.port is None and origin.port is None


async def check_status(response: httpx.Response) -> None:
    """Raises `RegistryError` for anything but success, with what the registry says of it."""
    if response.is_success:
        return
    said = await read_error(response)
    if response.status_code in _REFUSED:
        raise RegistryRefused(f"access denied by {response.url.host} ({response.status_code})" + (f": {said}" if said else ""))
    kind = RequestNotAccepted if response.status_code == HTTPStatus.BAD_REQUEST else RegistryError
    raise kind(f"{response.url.host} answers {response.status_code}" + (f": {said}" if said else ""))
