"""Pull: a model comes from its registry into the library. The manifest is written last, when every blob is there and right."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, aclosing

from inference.errors import RegistryError
from inference.library.manifests import Layer
from inference.library.models import Library
from inference.library.progress import Progress
from inference.library.registry.bandwidth import Bandwidth
from inference.library.registry.blob_download import VERIFYING
from inference.library.registry.downloads import Downloads, FreeSpace, free_space
from inference.library.registry.logins import Login
from inference.library.registry.registry import Registry
from inference.library.registry.remote_name import RemoteName, parse_remote_name
from inference.library.registry.repository import RemoteManifest, Repository
from inference.library.registry.shared_work import Report, SharedWorks


class Pulls:
    """All pulls of one library. `limit`: what they may take from the network together, in bytes/s; 0: all there is."""

    def __init__(self, library: Library, registry: Registry, *, limit: int = 0, free: FreeSpace = free_space) -> None:
        self._library = library
        self._registry = registry
        self._downloads = Downloads(library, bandwidth=Bandwidth(limit), free=free)
        self._works = SharedWorks()

    async def pull(self, name: str, *, insecure: bool = False, login: Login | None = None) -> AsyncGenerator[Progress, None]:
        """Joins the pull of the same model that runs, if one does. When the last who follows it leaves (closes the iterator),
        it ends, and what has come is kept for the next time. Raises `InferenceError` or `LibraryError`."""
        remote = parse_remote_name(name, insecure=insecure)

        async def work(report: Report) -> None:
            await self._pull(remote, login, report)

        async with aclosing(self._works.follow("/".join(remote.name.folded), work)) as steps:
            async for step in steps:
                yield step

    def discard(self, digests: Iterable[str]) -> None:
        """Removes what interrupted pulls have of these blobs, but for those that another pull fetches now."""
        self._downloads.discard(digests)

    async def close(self) -> None:
        """Ends all pulls; what has come is kept."""
        await self._works.close()
        await self._downloads.close()

    async def _pull(self, remote: RemoteName, login: Login | None, report: Report) -> None:
        report(Progress(status="pulling manifest"))
        try:
            repository = await self._registry.repository(remote, login)
            found = await repository.manifest()
        except RegistryError as error:
            raise type(error)(f"pull model manifest: {error}") from None
        layers = list(dict.fromkeys((*found.manifest.layers, found.manifest.config)))
        with self._library.hold(layer.digest for layer in layers):
            with self._downloads.room_for(layers, remote.name.shortest):
                await self._fetch(repository, layers, report)
            report(Progress(status="writing manifest"))
            removed = await asyncio.to_thread(self._install, remote, found)
        if removed:
            report(Progress(status="removing unused layers"))
        report(Progress(status="success"))

    async def _fetch(self, repository: Repository, layers: list[Layer], report: Report) -> None:
        """One blob after the other; the check of one goes on while the next is fetched."""
        async with AsyncExitStack() as stack:
            checking: list[AsyncGenerator[Progress, None]] = []
            for layer in layers:
                steps = await stack.enter_async_context(aclosing(self._downloads.follow(repository, layer)))
                async for step in steps:
                    if step.status == VERIFYING:
                        checking.append(steps)
                        break
                    report(step)
            report(Progress(status=VERIFYING))
            for steps in checking:
                async for step in steps:
                    if step.status != VERIFYING:
                        report(step)

    def _install(self, remote: RemoteName, found: RemoteManifest) -> list[str]:
        """The digests of the blobs that only the manifest it replaced needed."""
        manifests = self._library.manifests
        stored = manifests.resolve(remote.name) or remote.name
        replaced = manifests.digests(stored)
        manifests.write(stored, found.content)
        return self._library.remove_unused(replaced)
