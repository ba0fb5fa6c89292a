"""What is there: the root, the version, the installed and the loaded models."""

import asyncio
import contextlib
import time
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.capabilities import served_capabilities
from inference.api.errors import JSON_TYPE
from inference.api.lines import timestamp
from inference.api.runtime import Runtime, runtime_of
from inference.library.errors import LibraryError
from inference.library.models import InstalledModel, Library
from inference.scheduler import LoadedModel
from inference.version import OLLAMA_VERSION, VERSION

#: The longest time Ollama's clients can be told: 2^63-1 nanoseconds, some 292 years.
_LONGEST_S = (2**63 - 1) / 1e9


def json_response(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON_TYPE)


async def root(request: Request) -> Response:
    """Some clients look for these very words."""
    return Response("Ollama is running", media_type="text/plain; charset=utf-8")


async def version(request: Request) -> Response:
    """`version` is the one that clients compare with what they need of Ollama."""
    return json_response({"version": OLLAMA_VERSION, "hearth": VERSION})


async def tags(request: Request) -> Response:
    return json_response({"models": await asyncio.to_thread(_list, runtime_of(request))})


async def running(request: Request) -> Response:
    return json_response({"models": [_loaded(model) for model in runtime_of(request).scheduler.loaded()]})


def _list(runtime: Runtime) -> list[dict[str, Any]]:
    return [_installed(runtime, model) for model in runtime.library.list_models()]


def _installed(runtime: Runtime, model: InstalledModel) -> dict[str, Any]:
    name = model.name.shortest
    return {
        "name": name,
        "model": name,
        "modified_at": timestamp(model.modified_at_ns),
        "size": model.size,
        "digest": model.digest,
        "details": model_details(model, runtime.library),
        "capabilities": served_capabilities(runtime, model),
        "hearth": {
            "weights": weights.digest if (weights := model.manifest.first("model")) is not None else "",
            "linked": model.is_linked,
        },
    }


def model_details(model: InstalledModel, library: Library) -> dict[str, Any]:
    """What the config says, with the lengths that the GGUF's header names."""
    lengths: dict[str, int | None] = {}
    with contextlib.suppress(LibraryError):
        metadata = library.metadata(model)
        lengths = {"context_length": metadata.context_length, "embedding_length": metadata.embedding_length}
    return _details(model) | {key: length for key, length in lengths.items() if length is not None}


def _loaded(loaded: LoadedModel) -> dict[str, Any]:
    assert loaded.runner is not None
    name = loaded.model.name.shortest
    expires_at = min(loaded.expires_at, time.time() + _LONGEST_S)
    return {
        "name": name,
        "model": name,
        "size": loaded.size_bytes,
        "digest": loaded.model.digest,
        "details": _details(loaded.model),
        "expires_at": timestamp(int(expires_at * 1e9)),
        "size_vram": loaded.device_bytes,
        "context_length": loaded.num_ctx_got,
        **({"hearth": {"num_ctx_asked": loaded.num_ctx_asked}} if loaded.num_ctx_asked > loaded.num_ctx_got else {}),
    }


def _details(model: InstalledModel) -> dict[str, Any]:
    config = model.config
    return {
        "parent_model": "",
        "format": config.model_format or "",
        "family": config.model_family or "",
        "families": config.model_families,
        "parameter_size": config.model_type or "",
        "quantization_level": config.file_type or "",
    }
