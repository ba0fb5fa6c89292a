"""`GET /v1/models` and `/v1/models/{model}`."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.api.opening import open_model
from inference.api.runtime import runtime_of
from inference.library.models import InstalledModel


async def list_models(request: Request) -> Response:
    """The newest first. Models whose files are damaged are not among them."""
    models = await asyncio.to_thread(runtime_of(request).library.list_models)
    return json_response({"object": "list", "data": [_shape(model) for model in models]})


async def show_model(request: Request) -> Response:
    opened = await open_model(runtime_of(request), request.path_params["model"])
    return json_response(_shape(opened.model))


def _shape(model: InstalledModel) -> dict[str, Any]:
    return {
        "id": model.name.shortest,
        "object": "model",
        "created": model.modified_at_ns // 10**9,
        "owned_by": model.name.namespace,
    }
