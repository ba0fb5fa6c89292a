"""Pull: a model comes from its registry into the library. The manifest is written last, when every blob is there and right."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from inference.errors import RegistryError
from inference.library.models import Library, not_found
from inference.library.progress import Progress
from inference.library.registry.bandwidth import Bandwidth
from inference.library.registry.downloads import Downloads, FreeSpace, free_space
from inference.library.registry.hugging_face import SplitModel, find_split_model
from inference.library.registry.logins import Login
from inference.library.registry.registry import Registry
from inference.library.registry.remote_name import RemoteName, parse_remote_name
from inference.library.registry.repository import RemoteManifest, Repository, RequestNotAccepted
from inference.library.registry.shared_work import Report, SharedWorks
from inference.library.registry.split_pull import SplitPull


class Pulls:
    """All pulls of one library. `limit`: what they may take from the network together, in bytes/s; 0: all there is."""

    def __init__(self, library: Library, registry: Registry, *, limit: int = 0, free: FreeSpace = free_space) -> None:
        self._library = library
        self._registry = registry
        self._downloads = Downloads(library, bandwidth=Bandwidth(limit), free=free)
        self._works = SharedWorks()
        #: The blobs of each pull that has begun and not come to its end, in this process.
        self._begun: dict[str, list[str]] = {}

    async def pull(self, name: str, *, insecure: bool = False, login: Login | None = None) -> AsyncGenerator[Progress, None]:
        """Joins the pull of the same model that runs, if one does. When the last who follows it leaves (closes the iterator),
        it ends, and what has come is kept for the next time. Raises `InferenceError` or `LibraryError`."""
        remote = parse_remote_name(name, insecure=insecure)
        if remote.name.is_cloud:
            raise not_found(remote.name, name)

        async def work(report: Report) -> None:
            await self._pull(remote, login, report)

        async with aclosing(self._works.follow(_key(remote), work)) as steps:
            async for step in steps:
                yield step

    def discard(self, name: str, digests: Iterable[str]) -> None:
        """Removes what interrupted pulls of this model have, and what there is of these blobs, but for those that another
        pull fetches now. Raises `InvalidRequest`."""
        begun = self._begun.pop(_key(parse_remote_name(name, insecure=True)), [])
        self._downloads.discard({*begun, *digests})

    async def close(self) -> None:
        """Ends all pulls; what has come is kept."""
        await self._works.close()
        await self._downloads.close()

    async def _pull(self, remote: RemoteName, login: Login | None, report: Report) -> None:
        report(Progress(status="pulling manifest"))
        try:
            repository = await self._registry.repository(remote, login)
            found = await self._find(remote, repository)
        except RegistryError as error:
            raise type(error)(f"pull model manifest: {error}") from None
        if isinstance(found, SplitModel):
            await SplitPull(self._library, self._downloads, remote.name, found).run(repository, report)
        else:
            await self._pull_layers(remote, repository, found, report)
        report(Progress(status="success"))

    async def _find(self, remote: RemoteName, repository: Repository) -> RemoteManifest | SplitModel:
        try:
            return await repository.manifest()
        except RequestNotAccepted as refusal:
            if not self._registry.is_hugging_face(remote.name.host):
                raise
            # It gives no manifest of a model whose weights lie in several files.
            split = await find_split_model(repository)
            if split is None:
                raise refusal from None
            return split

    async def _pull_layers(self, remote: RemoteName, repository: Repository, found: RemoteManifest, report: Report) -> None:
        layers = list(dict.fromkeys((*found.manifest.layers, found.manifest.config)))
        self._begun[_key(remote)] = [layer.digest for layer in layers]
        with self._library.hold(layer.digest for layer in layers):
            with self._downloads.room_for(layers, remote.name.shortest):
                await self._downloads.fetch(repository, layers, report)
            report(Progress(status="writing manifest"))
            removed = await asyncio.to_thread(self._install, remote, found)
            self._begun.pop(_key(remote), None)
        if removed:
            report(Progress(status="removing unused layers"))

    def _install(self, remote: RemoteName, found: RemoteManifest) -> list[str]:
        """The digests of the blobs that only the manifest it replaced needed."""
        manifests = self._library.manifests
        stored = manifests.resolve(remote.name) or remote.name
        replaced = manifests.digests(stored)
        manifests.write(stored, found.content)
        return self._library.remove_unused(replaced)


def _key(remote: RemoteName) -> str:
    return "/".join(remote.name.folded)
