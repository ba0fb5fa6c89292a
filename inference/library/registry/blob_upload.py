"""One blob on its way to a registry: not at all where it is there, by reference where it can be, else in chunks."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path

import httpx

from inference.errors import RegistryError
from inference.library.manifests import Layer
from inference.library.registry.patience import PassingFailure
from inference.library.registry.repository import Repository, check_status

_READ_BYTES = 1024**2
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,18})\Z")
_OCTETS = "application/octet-stream"


class _UploadLost(Exception):
    """The registry knows nothing of the upload any more."""


class BlobUpload:
    """`sent` is told how many bytes of the blob have gone; `mount_from` is another model (`namespace/model`) of the registry
    that may have the blob, or empty."""

    def __init__(
        self,
        repository: Repository,
        layer: Layer,
        path: Path,
        *,
        mount_from: str,
        chunk_bytes: int,
        names_digest: bool,
        sent: Callable[[int], None],
    ) -> None:
        self._repository = repository
        self._layer = layer
        self._path = path
        self._mount_from = mount_from
        self._chunk_bytes = chunk_bytes
        #: Ollama's registry is told the digest when an upload begins; to others that would mean that all comes at once.
        self._names_digest = names_digest
        self._sent = sent
        self._md5s: dict[int, bytes] = {}

    async def run(self) -> None:
        """Raises `RegistryError` or `OSError`."""
        patience = self._repository.patience
        if not await patience.retry(self._is_there):
            failures = 0
            while not await self._try():
                failures += 1
                if failures >= patience.tries:
                    raise RegistryError("max retries exceeded: the registry loses what is uploaded")
                await asyncio.sleep(patience.wait_after(failures, None))
        self._sent(self._layer.size)

    async def _is_there(self) -> bool:
        async with self._repository.request("HEAD", self._repository.url(f"blobs/{self._layer.digest}")) as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return False
            await check_status(response)
            return True

    async def _try(self) -> bool:
        """False when it has to be begun anew."""
        self._md5s = {}
        location = await self._repository.patience.retry(self._begin)
        if location is None:
            return True
        try:
            await self._commit(await self._send_all(location))
        except _UploadLost:
            return await self._repository.patience.retry(self._is_there)
        return True

    async def _begin(self) -> httpx.URL | None:
        """Where to send it; None when the registry has taken it from another model."""
        query = {"mount": self._layer.digest, "from": self._mount_from} if self._mount_from else {}
        if self._names_digest:
            query["digest"] = self._layer.digest
        url = self._repository.url("blobs/uploads/").copy_merge_params(query)
        async with self._repository.request("POST", url, headers={"content-length": "0"}) as response:
            if response.status_code == HTTPStatus.CREATED:
                return None
            await check_status(response)
            return self._location(url, response)

    async def _send_all(self, location: httpx.URL) -> httpx.URL:
        """Where to say that this was all."""
        patience = self._repository.patience
        position, failures = 0, 0
        while position < self._layer.size:
            end = min(position + self._chunk_bytes, self._layer.size)
            try:
                location = await self._send_chunk(location, position, end)
                position, failures = end, 0
            except PassingFailure as failure:
                failures += 1
                if failures >= patience.tries:
                    raise RegistryError(f"max retries exceeded: {failure}") from None
                await asyncio.sleep(patience.wait_after(failures, failure.retry_after))
                location, position = await self._where(location)
        return location

    async def _send_chunk(self, location: httpx.URL, start: int, end: int) -> httpx.URL:
        headers = {
            "content-type": _OCTETS,
            "content-length": str(end - start),
            "content-range": f"{start}-{end - 1}",
            "x-redirect-uploads": "1",
        }
        async with self._repository.request(
            "PATCH", location, headers=headers, content=lambda: self._read(start, end)
        ) as response:
            if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
                raise PassingFailure("the registry does not go on with the upload")
            following = self._location(location, response)
            if response.status_code != HTTPStatus.TEMPORARY_REDIRECT:
                await check_status(response)
                return following
        # The registry wants the chunk in a store of its own.
        store = self._repository.target(location, response.headers.get("location", ""))
        kept = {"content-type": _OCTETS, "content-length": str(end - start)}
        async with self._repository.request("PUT", store, headers=kept, content=lambda: self._read(start, end)) as stored:
            await check_status(stored)
        return following

    async def _where(self, location: httpx.URL) -> tuple[httpx.URL, int]:
        """How much of the upload the registry has. Raises `_UploadLost`: as with Docker's own registry, which gives up an upload
        of which it has more than our address for it says."""

        async def ask() -> tuple[httpx.URL, int]:
            async with self._repository.request("GET", location) as response:
                match = _RANGE.match(response.headers.get("range", ""))
                # "0-0" is one byte or none.
                if response.status_code != HTTPStatus.NO_CONTENT or match is None or match[1] == "0":
                    raise _UploadLost
                position = int(match[1]) + 1
                if position > self._layer.size:
                    raise _UploadLost
                return self._location(location, response), position

        return await self._repository.patience.retry(ask)

    async def _commit(self, location: httpx.URL) -> None:
        query = {"digest": self._layer.digest}
        if self._names_digest and self._md5s:
            joined = hashlib.md5(b"".join(self._md5s.values()), usedforsecurity=False)
            query["etag"] = f"{joined.hexdigest()}-{len(self._md5s)}"
        url = location.copy_merge_params(query)
        try:
            headers = {"content-type": _OCTETS, "content-length": "0"}
            async with self._repository.request("PUT", url, headers=headers) as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    raise _UploadLost
                await check_status(response)
        except PassingFailure:
            # It may have been heard.
            raise _UploadLost from None

    def _location(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        headers = response.headers
        return self._repository.target(url, headers.get("docker-upload-location") or headers.get("location", ""))

    async def _read(self, start: int, end: int) -> AsyncIterator[bytes]:
        digest = hashlib.md5(usedforsecurity=False)
        with self._path.open("rb") as file:
            file.seek(start)
            position = start
            while position < end:
                content = await asyncio.to_thread(file.read, min(_READ_BYTES, end - position))
                if not content:
                    raise RegistryError("a blob of the model is shorter than its manifest says")
                if self._names_digest:
                    digest.update(content)
                yield content
                position += len(content)
                self._sent(position)
        self._md5s[start] = digest.digest()
