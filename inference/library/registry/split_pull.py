"""A model that comes in several GGUF files is put together to one, as Ollama and every other reader of the library expect."""

import asyncio
from contextlib import aclosing, suppress
from typing import Any

from inference.creation.file_work import FileWork
from inference.errors import ModelNotFound
from inference.library.blob_writer import BlobWriter
from inference.library.blobs import Advance
from inference.library.errors import LibraryError
from inference.library.gguf import read_metadata
from inference.library.manifests import LAYER_PREFIX, Layer
from inference.library.models import Library
from inference.library.names import ModelName
from inference.library.progress import Progress
from inference.library.registry.blob_download import VERIFYING
from inference.library.registry.downloads import Downloads
from inference.library.registry.hugging_face import SplitModel
from inference.library.registry.repository import Repository
from inference.library.registry.shared_work import Report
from inference.library.split import merge_parts
from inference.library.writer import ModelWriter, gguf_config

#: Where the config says which files the model was made of, so that it is not fetched again while they are the same.
_SOURCES = "source_digests"


class SplitPull:
    """The parts stay until the whole is in the library: for that time it takes twice its size on the disk."""

    def __init__(self, library: Library, downloads: Downloads, name: ModelName, model: SplitModel) -> None:
        self._library = library
        self._downloads = downloads
        self._name = name
        self._model = model
        self._sources = [layer.digest for layer in model.layers]

    async def run(self, repository: Repository, report: Report) -> None:
        """Raises `InferenceError` or `LibraryError`."""
        if await asyncio.to_thread(self._is_installed):
            report(Progress(status=VERIFYING))
            return
        size = sum(layer.size for layer in self._model.parts)
        with self._library.hold(self._sources):
            with self._downloads.room_for(self._model.layers, self._name.shortest, more=size):
                await self._downloads.fetch(repository, self._model.layers, report)
                work: FileWork[Layer] = FileWork(self._merge, status="merging split model", total=size)
                async with aclosing(work.run()) as steps:
                    async for step in steps:
                        report(step)
            report(Progress(status="writing manifest"))
            await asyncio.to_thread(self._write, work.result)
        await asyncio.to_thread(self._library.remove_unused, [layer.digest for layer in self._model.parts])

    def _merge(self, advance: Advance) -> Layer:
        blobs = self._library.blobs
        with BlobWriter(blobs.root) as writer:
            merge_parts([blobs.path(layer.digest) for layer in self._model.parts], writer, advance)
            return writer.commit(LAYER_PREFIX + "model")

    def _write(self, weights: Layer) -> None:
        metadata = read_metadata(self._library.blobs.path(weights.digest))
        projector = self._model.projector
        config: dict[str, Any] = gguf_config(metadata, families=[metadata.architecture, *(["clip"] if projector else [])])
        with ModelWriter(self._library, [weights, *([projector] if projector else [])]) as writer:
            writer.write(self._name, {**config, _SOURCES: self._sources})

    def _is_installed(self) -> bool:
        with suppress(ModelNotFound, LibraryError):
            model = self._library.find(self._name, asked=str(self._name))
            return self._library.config_values(model).get(_SOURCES) == self._sources
        return False
