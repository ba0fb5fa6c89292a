"""`GET /api/hearth/files`: GGUF files on this machine, in the import folder, with what their headers say."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.lines import timestamp
from inference.api.models import json_response
from inference.api.runtime import runtime_of
from inference.library.capabilities import capabilities
from inference.library.import_folder import FolderFile
from inference.library.writer import human_parameters


async def files(request: Request) -> Response:
    found = await asyncio.to_thread(runtime_of(request).library.import_folder.files)
    return json_response({"files": [_described(file) for file in found]})


def _described(file: FolderFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "size": file.size,
        "num_files": len(file.paths),
        "modified_at": timestamp(file.modified_at_ns),
        "role": file.role or "",
        # Under which name it can be used as it lies.
        "model": file.model.shortest if file.model is not None else "",
        "error": file.error,
        "details": _details(file),
    }


def _details(file: FolderFile) -> dict[str, Any]:
    """Empty for a file that cannot be read."""
    metadata = file.metadata
    if metadata is None:
        return {}
    return {
        "family": metadata.architecture,
        "parameter_size": human_parameters(metadata.num_parameters),
        "quantization_level": metadata.file_type,
        "context_length": metadata.context_length,
        "embedding_length": metadata.embedding_length,
        "capabilities": capabilities(metadata, has_projector=file.projector is not None) if file.role == "model" else [],
    }
