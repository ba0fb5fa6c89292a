"""Jobs of the kind `import`: a file that was uploaded, or one of the import folder, becomes a model.

The result of an upload is `{"name", "digest"}`: the file as it was sent, and the sha256 of what arrived.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import ClassVar

import msgspec

from inference.creation.create import create_model
from inference.creation.file_import import import_listed
from inference.creation.file_work import FileWork
from inference.creation.request import CreateRequest
from inference.errors import DigestMismatch, InvalidRequest
from inference.jobs.work import Result
from inference.library.blobs import Advance
from inference.library.manifests import LAYER_PREFIX, Layer
from inference.library.models import Library
from inference.library.names import InvalidName, parse_name
from inference.library.progress import Progress
from inference.library.uploads import Upload, Uploads

_VERIFYING = "verifying sha256 digest"


class ImportRequest(msgspec.Struct, frozen=True):
    model: str = ""
    #: A name from `/api/hearth/files`.
    file: str = ""
    #: Or the id of an upload that is complete.
    upload: str = ""


class ImportWork:
    kind: ClassVar = "import"
    request: ClassVar = ImportRequest
    can_pause: ClassVar = False
    is_heavy: ClassVar = True
    counts_together: ClassVar = False

    def __init__(self, library: Library, uploads: Uploads) -> None:
        self._library = library
        self._uploads = uploads

    def check(self, request: ImportRequest) -> str:
        if not request.model:
            raise InvalidRequest("model is required")
        try:
            parse_name(request.model)
        except InvalidName:
            raise InvalidRequest("invalid model name") from None
        if request.upload:
            self._uploads.require_complete(request.upload)
        elif not request.file:
            raise InvalidRequest("file is required: one of /api/hearth/files")
        return request.model

    async def run(self, request: ImportRequest) -> AsyncGenerator[Progress | Result, None]:
        if request.upload:
            async with aclosing(self._import_upload(request)) as uploaded:
                async for found in uploaded:
                    yield found
        else:
            async with aclosing(import_listed(self._library, request.file, request.model)) as steps:
                async for step in steps:
                    yield step

    async def _import_upload(self, request: ImportRequest) -> AsyncGenerator[Progress | Result, None]:
        upload = await asyncio.to_thread(self._uploads.require_complete, request.upload)
        with self._uploads.hold(upload.id):
            work = self._take_in(upload)
            async with aclosing(work.run()) as steps:
                async for step in steps:
                    yield step
            layer = work.result
            with self._library.hold([layer.digest]):
                body = CreateRequest(model=request.model, files={upload.name: layer.digest})
                async with aclosing(create_model(self._library, body)) as steps:
                    async for step in steps:
                        if step.status != "success":
                            yield step
        await asyncio.to_thread(self._uploads.remove, upload.id)
        yield Progress(status="success")
        yield Result({"name": upload.name, "digest": layer.digest})

    async def discard(self, request: ImportRequest, digests: Collection[str]) -> None:
        await asyncio.to_thread(self._uploads.remove, request.upload)

    def _take_in(self, upload: Upload) -> FileWork[Layer]:
        """The file becomes a blob. Raises `DigestMismatch`; what came broken is removed, so that it can be sent again."""

        def take_in(advance: Advance) -> Layer:
            layer = self._library.blobs.add_file(self._uploads.path(upload.id), LAYER_PREFIX + "model", advance)
            if upload.digest and layer.digest != upload.digest:
                self._library.remove_unused([layer.digest])
                self._uploads.remove(upload.id)
                raise DigestMismatch(f"the file did not arrive as it was sent: its sha256 is {layer.digest[7:]}; upload it again")
            return layer

        return FileWork(take_in, status=_VERIFYING, total=upload.size)
