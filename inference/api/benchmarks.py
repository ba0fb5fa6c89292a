"""`GET /api/hearth/benchmarks`: what was measured of the models that are installed."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.api.runtime import Runtime, runtime_of


async def benchmarks(request: Request) -> Response:
    return json_response({"benchmarks": await asyncio.to_thread(_list, runtime_of(request))})


def _list(runtime: Runtime) -> list[dict[str, Any]]:
    """Of each name, with the digest that lists of models give it; what was measured on another machine is marked."""
    here = runtime.estimator.calibrations.machine
    results = runtime.benchmarks.all()
    found = []
    for model in runtime.library.list_models():
        weights = model.manifest.first("model")
        for result in results:
            if weights is not None and result.digest == weights.digest:
                values = {"model": model.name.shortest, "digest": model.digest, "is_here": result.machine == here}
                found.append(msgspec.to_builtins(result) | values)
    return found
