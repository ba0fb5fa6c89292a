"""A GGUF file on this machine becomes a model of the library: its own copy, or the same blocks where the disk allows it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from inference.creation.create import make_model
from inference.creation.creation import Creation
from inference.creation.request import CreateRequest, check_request
from inference.creation.sources import read_source
from inference.errors import InvalidRequest
from inference.library.errors import LibraryError
from inference.library.models import Library
from inference.library.progress import Progress
from inference.library.split import in_order, part_of


async def import_file(
    library: Library, path: Path, name: str, *, projector: Path | None = None, quantize: str = ""
) -> AsyncGenerator[Progress, None]:
    """`path`: a GGUF file, or any part of a split one, whose other parts lie beside it. The file stays where it is.

    Whatever is wrong with the file or the name is raised before the first step, as `InvalidRequest`; later `LibraryError` or
    `NotEnoughDisk`. Closing the iterator ends the work and leaves nothing.
    """
    # The file stands for a base, and nothing is laid over it.
    request = CreateRequest(model=name, base=name, quantize=quantize)
    checked = await asyncio.to_thread(check_request, request, library.blobs)
    with Creation(library) as creation:
        creation.sources = [await asyncio.to_thread(lambda: read_source(_parts(path)))]
        if projector is not None:
            creation.sources.append(await asyncio.to_thread(lambda: read_source([projector])))
        if [source.role for source in creation.sources] not in (["model"], ["model", "projector"]):
            raise InvalidRequest(f"{path.name} holds no model that could be used alone: it is a projector or an adapter")
        async with aclosing(make_model(checked, creation)) as steps:
            async for step in steps:
                yield step


async def import_listed(library: Library, file_name: str, name: str) -> AsyncGenerator[Progress, None]:
    """The same for a file by its name in `/api/hearth/files`: a path that leads anywhere else is none. Raises
    `InvalidRequest` for one that is not there, or that is broken."""
    files = await asyncio.to_thread(library.import_folder.files)
    file = next((file for file in files if file.name == file_name), None)
    if file is None:
        raise InvalidRequest(f"there is no file {file_name[:200]!r} in the import folder")
    if file.error:
        raise InvalidRequest(f"{file.name} cannot be imported: {file.error}")
    async with aclosing(import_file(library, file.paths[0], name, projector=file.projector)) as steps:
        async for step in steps:
            yield step


def _parts(path: Path) -> list[Path]:
    """Raises `InvalidRequest` when one is missing."""
    part = part_of(path.name)
    if part is None or part.count == 1:
        return [path]
    beside = [(found, other) for other in path.parent.iterdir() if (found := part_of(other.name)) is not None]
    try:
        return in_order([(found, other) for found, other in beside if (found.name, found.count) == (part.name, part.count)])
    except LibraryError as error:
        raise InvalidRequest(str(error)) from None
