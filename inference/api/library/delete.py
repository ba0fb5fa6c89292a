"""`DELETE /api/delete`: a model leaves the library, and the memory as soon as its answers have ended."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.library.names import quoted, require_name
from inference.api.runtime import Runtime, runtime_of
from inference.errors import InvalidRequest, ModelNotFound
from inference.library.models import InstalledModel, Library
from inference.library.names import ModelName


class DeleteBody(msgspec.Struct, frozen=True):
    model: str = ""
    #: The older name of `model`.
    name: str = ""

    @property
    def asked_model(self) -> str:
        return self.model or self.name


async def delete(request: Request) -> Response:
    asked = (await read_body(request, DeleteBody)).asked_model
    if not asked:
        raise InvalidRequest("model is required")
    name = require_name(asked, refusal=f"name {quoted(asked)} is invalid")
    await delete_model(runtime_of(request), name, asked=asked)
    return Response()


async def delete_model(runtime: Runtime, name: ModelName, *, asked: str) -> None:
    """Raises `ModelNotFound`, `InvalidRequest` or `LibraryError`. A runner that another name shares goes on."""
    model, is_shared = await asyncio.to_thread(_delete, runtime.library, name, asked)
    if model is not None and not is_shared:
        runtime.scheduler.unload(model)


def _delete(library: Library, name: ModelName, asked: str) -> tuple[InstalledModel | None, bool]:
    try:
        model = library.find(name, asked=asked)
    except ModelNotFound:
        # A damaged model cannot be found, but it can be deleted.
        model = None
    library.delete(name, asked=asked)
    if model is None:
        return None, False
    return model, any(other.runtime_key == model.runtime_key for other in library.list_models())
