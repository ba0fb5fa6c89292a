"""Push: a model of the library goes to its registry, the manifest last and byte for byte as it is here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from inference.errors import LibraryFailed, ModelNotFound
from inference.library.errors import LibraryError
from inference.library.manifests import MANIFEST_TYPE, Layer, Manifest, decode_manifest
from inference.library.models import Library
from inference.library.names import DEFAULT_HOST, ModelName
from inference.library.progress import Progress
from inference.library.registry.blob_upload import BlobUpload
from inference.library.registry.logins import Login
from inference.library.registry.registry import Registry
from inference.library.registry.remote_name import RemoteName, parse_remote_name
from inference.library.registry.repository import Repository, check_status
from inference.library.registry.shared_work import Report, SharedWorks


class Pushes:
    """All pushes of one library. Blobs go in chunks of `chunk_bytes`: what one interruption can cost."""

    def __init__(self, library: Library, registry: Registry, *, chunk_bytes: int = 64 * 1024**2) -> None:
        self._library = library
        self._chunk_bytes = chunk_bytes
        self._registry = registry
        self._works = SharedWorks()

    async def push(self, name: str, *, insecure: bool = False, login: Login | None = None) -> AsyncGenerator[Progress, None]:
        """Joins the push of the same model that runs, if one does. When the last who follows it leaves, it ends.

        Raises `InferenceError` or `LibraryError`.
        """
        remote = parse_remote_name(name, insecure=insecure)

        async def work(report: Report) -> None:
            await self._push(remote, name, login, report)

        async with aclosing(self._works.follow("/".join(remote.name.folded), work)) as steps:
            async for step in steps:
                yield step

    async def close(self) -> None:
        """Ends all pushes."""
        await self._works.close()

    async def _push(self, remote: RemoteName, asked: str, login: Login | None, report: Report) -> None:
        content, manifest = await asyncio.to_thread(self._read, remote.name, asked)
        report(Progress(status="retrieving manifest"))
        layers = list(dict.fromkeys((*manifest.layers, manifest.config)))
        with self._library.hold(layer.digest for layer in layers):
            repository = await self._registry.repository(remote, login)
            for layer in layers:
                await self._push_layer(repository, layer, report)
            report(Progress(status="pushing manifest"))
            await repository.patience.retry(lambda: _put_manifest(repository, content))
        report(Progress(status="success"))

    def _read(self, name: ModelName, asked: str) -> tuple[bytes, Manifest]:
        """Raises `ModelNotFound` or `LibraryError`, also when a blob is missing: a registry is not given half a model."""
        stored = self._library.manifests.resolve(name)
        if stored is None:
            raise ModelNotFound(f"model '{asked}' not found")
        try:
            content = self._library.manifests.path(stored).read_bytes()
        except OSError as error:
            raise LibraryError(f"the model's manifest cannot be read: {error.strerror}") from error
        manifest = decode_manifest(content)
        for layer in (*manifest.layers, manifest.config):
            self._library.blobs.check(layer)
        return content, manifest

    async def _push_layer(self, repository: Repository, layer: Layer, report: Report) -> None:
        def sent(completed: int) -> None:
            name = layer.digest.removeprefix("sha256:")[:12]
            report(Progress(status=f"pushing {name}", digest=layer.digest, total=layer.size, completed=completed))

        sent(0)
        name = repository.remote.name
        upload = BlobUpload(
            repository,
            layer,
            self._library.blobs.path(layer.digest),
            mount_from=await asyncio.to_thread(self._other_owner, name, layer),
            chunk_bytes=self._chunk_bytes,
            names_digest=name.host.lower() == DEFAULT_HOST,
            sent=sent,
        )
        try:
            await upload.run()
        except OSError as error:
            raise LibraryFailed(f"a blob of the model cannot be read: {error.strerror or error}") from error

    def _other_owner(self, name: ModelName, layer: Layer) -> str:
        """Another model of the same registry that has the blob, as `namespace/model`; empty when there is none."""
        for other, _ in self._library.manifests.names():
            is_elsewhere = (other.namespace, other.model) != (name.namespace, name.model)
            if other.host == name.host and is_elsewhere and layer.digest in self._library.manifests.digests(other):
                return f"{other.namespace}/{other.model}"
        return ""


async def _put_manifest(repository: Repository, content: bytes) -> None:
    url = repository.url(f"manifests/{repository.remote.name.tag}")
    headers = {"content-type": MANIFEST_TYPE}
    async with repository.request("PUT", url, headers=headers, content=content) as response:
        await check_status(response)
