"""The blobs that are being downloaded now: each once, whoever wants it."""

import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from inference.errors import NotEnoughDisk, RegistryError
from inference.library.errors import DamagedModel
from inference.library.manifests import Layer
from inference.library.models import Library
from inference.library.progress import Progress
from inference.library.registry.bandwidth import Bandwidth
from inference.library.registry.blob_download import VERIFYING, BlobDownload, pulling
from inference.library.registry.partial import completed_bytes, discard_partial
from inference.library.registry.repository import Repository
from inference.library.registry.shared_work import Report, SharedWorks
from inference.sizes import human_size

FreeSpace = Callable[[Path], int]


def free_space(folder: Path) -> int:
    """Bytes that may be written into the folder. Raises `OSError`."""
    return shutil.disk_usage(folder).free


class Downloads:
    def __init__(self, library: Library, *, bandwidth: Bandwidth, free: FreeSpace = free_space) -> None:
        self._library = library
        self._bandwidth = bandwidth
        self._free = free
        self._works = SharedWorks()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="download")
        self._wanted: Counter[Layer] = Counter()

    async def close(self) -> None:
        await self._works.close()
        self._threads.shutdown(wait=True)

    async def follow(self, repository: Repository, layer: Layer) -> AsyncGenerator[Progress, None]:
        """Until the blob is in the library. Raises `InferenceError`."""
        if self._is_there(layer):
            yield pulling(layer, layer.size)
            return
        path = self._library.blobs.path(layer.digest)
        download = BlobDownload(repository, layer, path, bandwidth=self._bandwidth, threads=self._threads)
        is_joining = layer.digest in self._works
        try:
            async with aclosing(self._works.follow(layer.digest, download.run)) as steps:
                async for step in steps:
                    yield step
        except RegistryError:
            if not is_joining:
                raise
            # Another's registry has failed; ours may not.
            async with aclosing(self._works.follow(layer.digest, download.run)) as steps:
                async for step in steps:
                    yield step
        if not self._is_there(layer):
            raise RegistryError(f"the manifest gives the blob {layer.digest} a size that is not its own")

    def discard(self, digests: Iterable[str]) -> None:
        """Removes what interrupted downloads of these blobs left behind, but for those that go on."""
        for digest in digests:
            if digest not in self._works:
                with contextlib.suppress(DamagedModel):
                    discard_partial(self._library.blobs.path(digest))

    async def fetch(self, repository: Repository, layers: Iterable[Layer], report: Report) -> None:
        """One blob after the other; the check of one goes on while the next is fetched. Raises `InferenceError`."""
        async with AsyncExitStack() as stack:
            checking: list[AsyncGenerator[Progress, None]] = []
            for layer in layers:
                steps = await stack.enter_async_context(aclosing(self.follow(repository, layer)))
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

    @contextlib.contextmanager
    def room_for(self, layers: Iterable[Layer], name: str, *, more: int = 0) -> Iterator[None]:
        """Keeps room for what is missing of these blobs while the block runs; `more` bytes are needed besides.

        Raises `NotEnoughDisk` where there is none. What other downloads are still to bring is not free.
        """
        wanted = {layer for layer in layers if not self._is_there(layer)}
        need = sum(map(self._remaining, wanted)) + more
        promised = sum(self._remaining(layer) for layer in self._wanted if layer not in wanted)
        free = max(self._free_space() - promised, 0)
        if need > free:
            raise NotEnoughDisk(
                f"not enough disk space: {name} needs {human_size(need)} more, and {human_size(free)} are free "
                "in the models folder: delete models, or set OLLAMA_MODELS to a larger disk"
            )
        self._wanted.update(wanted)
        try:
            yield
        finally:
            self._wanted.subtract(wanted)
            self._wanted = +self._wanted

    def _free_space(self) -> int:
        self._library.models_dir.mkdir(parents=True, exist_ok=True)
        return self._free(self._library.models_dir)

    def _remaining(self, layer: Layer) -> int:
        return layer.size - completed_bytes(self._library.blobs.path(layer.digest), layer.size)

    def _is_there(self, layer: Layer) -> bool:
        with contextlib.suppress(DamagedModel):
            self._library.blobs.check(layer)
            return True
        return False
