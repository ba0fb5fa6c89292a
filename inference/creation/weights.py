"""The files of a model become blobs: taken in as they are, joined, converted, quantised.

Each tells how far it is, and at last gives the layer. Closing its iterator ends the work and leaves no half-written file.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path

from inference.conversion.convert import convert
from inference.creation.file_work import FileWork
from inference.creation.sources import SourceFile
from inference.library.blob_writer import BlobWriter, check_room
from inference.library.blobs import Advance, BlobStore
from inference.library.manifests import LAYER_PREFIX, Layer
from inference.library.progress import Progress
from inference.library.quantize import quantize
from inference.library.split import merge_parts


async def take_in(blobs: BlobStore, source: SourceFile) -> AsyncGenerator[Progress | Layer]:
    """Parts are joined; a file that is a blob already is there at once. Raises `LibraryError` or `NotEnoughDisk`."""
    work = _work(blobs, source)
    async with aclosing(work.run()) as steps:
        async for step in steps:
            if step.total:
                yield step
    yield work.result


async def convert_files(blobs: BlobStore, files: dict[str, Path]) -> AsyncGenerator[Progress | Layer]:
    """A GGUF file of safetensors and what belongs to them, by their names. Raises `InvalidRequest`, or as `take_in`."""
    await asyncio.to_thread(check_room, blobs.root, sum(path.stat().st_size for path in files.values()))
    with _temporary(blobs, "converted") as target:
        async with aclosing(convert(files, target)) as steps:
            async for step in steps:
                yield step
        yield await asyncio.to_thread(blobs.add_file, target, LAYER_PREFIX + "model")


async def quantize_layer(blobs: BlobStore, layer: Layer, kind: str) -> AsyncGenerator[Progress | Layer]:
    """The weights of this layer in another type. Raises as `quantize` does, or as `take_in`."""
    check_room(blobs.root, layer.size // 4)
    with _temporary(blobs, "quantized") as target:
        async with aclosing(quantize(blobs.path(layer.digest), target, kind)) as steps:
            async for step in steps:
                yield step
        yield Progress(status="verifying conversion")
        yield await asyncio.to_thread(blobs.add_file, target, layer.media_type)


def _work(blobs: BlobStore, source: SourceFile) -> FileWork[Layer]:
    media_type = LAYER_PREFIX + source.role
    if len(source.paths) > 1:
        return FileWork(lambda advance: _merge(blobs, source, advance), status="merging split model", total=source.size)
    path = source.paths[0]
    if digest := blobs.digest_of(path):
        layer = Layer(media_type=media_type, digest=digest, size=path.stat().st_size)
        return FileWork(lambda _: layer, status="parsing GGUF", total=0)
    return FileWork(lambda advance: blobs.add_file(path, media_type, advance), status="copying model file", total=source.size)


def _merge(blobs: BlobStore, source: SourceFile, advance: Advance) -> Layer:
    check_room(blobs.root, source.size)
    with BlobWriter(blobs.root) as writer:
        merge_parts(source.paths, writer, advance)
        return writer.commit(LAYER_PREFIX + source.role)


@contextmanager
def _temporary(blobs: BlobStore, what: str) -> Iterator[Path]:
    """A path among the blobs, where nothing is left."""
    path = blobs.root / f".new-{what}-{os.urandom(8).hex()}"
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()
