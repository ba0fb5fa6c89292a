"""Creates one model: the steps from a request to its manifest, which is written last."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from inference.creation.creation import Creation, Pull
from inference.creation.request import CheckedRequest, CreateRequest, check_request, check_template
from inference.errors import InvalidRequest
from inference.library.models import Library
from inference.library.progress import Progress


async def create_model(library: Library, body: CreateRequest, *, pull: Pull | None = None) -> AsyncGenerator[Progress, None]:
    """Whatever is wrong with the request is raised before the first step: `InvalidRequest`, or `ModelNotFound` for a base
    that is not installed when there is no `pull`. Later `LibraryError`, `NotEnoughDisk`, or what pulling raises.

    Closing the iterator ends the work and leaves no model; what was pulled stays.
    """
    checked = await asyncio.to_thread(check_request, body, library.blobs)
    creation = Creation(library)
    with creation:
        async with aclosing(_steps(library, checked, creation, pull)) as steps:
            async for step in steps:
                yield step


async def _steps(
    library: Library, checked: CheckedRequest, creation: Creation, pull: Pull | None
) -> AsyncGenerator[Progress, None]:
    body = checked.body
    creation.hold([*body.files.values(), *body.adapters.values()])
    if body.files or body.adapters:
        await asyncio.to_thread(creation.take_files, body, library)
        if not body.base and not creation.models and not creation.safetensors:
            raise InvalidRequest("no files provided to convert: a model needs a GGUF file with its weights")
    if checked.base is not None:
        async with aclosing(creation.take_base(checked.base, asked=body.base, pull=pull)) as base:
            async for step in base:
                yield step
    if creation.safetensors:
        async with aclosing(creation.convert()) as conversion:
            async for step in conversion:
                yield step
    async with aclosing(make_model(checked, creation)) as finish:
        async for step in finish:
            yield step


async def make_model(checked: CheckedRequest, creation: Creation) -> AsyncGenerator[Progress, None]:
    """Once the creation has its base and its files. Raises as `create_model` does."""
    body = checked.body
    if checked.quantize:
        creation.check_quantize()
    if body.template and not creation.is_own_template(body.template):
        check_template(body.template)
    if creation.sources:
        yield Progress(status="parsing GGUF")
    async with aclosing(creation.add_sources(checked.quantize)) as sources:
        async for step in sources:
            yield step
    texts = await asyncio.to_thread(creation.add_texts, checked)
    for layer, is_new in texts:
        yield Progress(status=f"{'creating new layer' if is_new else 'using existing layer'} {layer.digest}")
    yield Progress(status="writing manifest")
    await asyncio.to_thread(creation.write, checked)
    yield Progress(status="success")
