"""`GET /api/hearth/machine` and `POST /api/hearth/estimate`: what there is here, and what a model would make of it."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.library.names import require_name
from inference.api.models import json_response
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest

_LARGEST_SIZE = 2**46
_MOST_PARAMETERS = 1e14
_LONGEST_CONTEXT = 2**24


class EstimateBody(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a model, installed or at a registry; or figures, of which size or parameters are enough."""

    model: str = ""
    name: str = ""
    insecure: bool = False
    size: int = 0
    parameters: float = 0
    #: Of a mixture of experts: those that one token goes through.
    active_parameters: float = 0
    quantization: str = ""
    context: int = 0


async def machine(request: Request) -> Response:
    return json_response(await runtime_of(request).estimator.machine())


async def estimate(request: Request) -> Response:
    body = await read_body(request, EstimateBody)
    _check(body)
    estimator = runtime_of(request).estimator
    asked = body.model or body.name
    if asked:
        require_name(asked, refusal="invalid model name")
        return json_response(await estimator.of_name(asked, context=body.context or None, insecure=body.insecure))
    if not body.size and not body.parameters:
        raise InvalidRequest("model is required, or size or parameters")
    return json_response(
        await estimator.of_figures(
            size=body.size or None,
            parameters=body.parameters or None,
            active_parameters=body.active_parameters or None,
            quantization=body.quantization.upper()[:20],
            context=body.context or None,
        )
    )


def _check(body: EstimateBody) -> None:
    for name, value, largest in (
        ("size", body.size, _LARGEST_SIZE),
        ("parameters", body.parameters, _MOST_PARAMETERS),
        ("active_parameters", body.active_parameters, _MOST_PARAMETERS),
        ("context", body.context, _LONGEST_CONTEXT),
    ):
        if not 0 <= value <= largest:
            raise InvalidRequest(f"{name} must be between 0 and {largest:.0f}")
