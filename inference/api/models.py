"""What is there: the root, the version, the installed and the loaded models."""

import asyncio
import time
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.errors import JSON_TYPE
from inference.api.lines import timestamp
from inference.api.runtime import runtime_of
from inference.library.models import InstalledModel
from inference.scheduler import LoadedModel
from inference.version import VERSION

#: The longest time Ollama's clients can be told: 2^63-1 nanoseconds, some 292 years.
_LONGEST_S = (2**63 - 1) / 1e9


def json_response(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON_TYPE)


async def root(request: Request) -> Response:
    """Some clients look for these very words."""
    return Response("Ollama is running", media_type="text/plain; charset=utf-8")


async def version(request: Request) -> Response:
    return json_response({"version": VERSION})


async def tags(request: Request) -> Response:
    models = await asyncio.to_thread(runtime_of(request).library.list_models)
    return json_response({"models": [_installed(model) for model in models]})


async def running(request: Request) -> Response:
    return json_response({"models": [_loaded(model) for model in runtime_of(request).scheduler.loaded()]})


def _installed(model: InstalledModel) -> dict[str, Any]:
    name = model.name.shortest
    return {
        "name": name,
        "model": name,
        "modified_at": timestamp(model.modified_at_ns),
        "size": model.size,
        "digest": model.digest,
        "details": _details(model),
    }


def _loaded(loaded: LoadedModel) -> dict[str, Any]:
    assert loaded.runner is not None
    name = loaded.model.name.shortest
    expires_at = min(loaded.expires_at, time.time() + _LONGEST_S)
    return {
        "name": name,
        "model": name,
        "size": loaded.runner.ready.model_bytes,
        "digest": loaded.model.digest,
        "details": _details(loaded.model),
        "expires_at": timestamp(int(expires_at * 1e9)),
        "size_vram": 0,
        "context_length": loaded.runner.ready.num_ctx,
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
