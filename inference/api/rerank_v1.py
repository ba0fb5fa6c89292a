"""`POST /v1/rerank` and `/v2/rerank`: as the clients of Cohere, Jina and vLLM send it, and with all that each of them reads."""

import os

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.models import json_response
from inference.api.rerank import rank
from inference.api.schemas import RerankBody
from inference.errors import InvalidRequest


async def rerank_v1(request: Request) -> Response:
    """The documents come back unless `return_documents` is false: vLLM's clients read them without having asked."""
    body = await read_body(request, RerankBody)
    if not body.asked_documents:
        raise InvalidRequest("documents is required", "documents")
    ranked = await rank(request, body, returns_documents=body.return_documents is not False)
    num_tokens = ranked.computed.num_prompt_tokens
    return json_response(
        {
            "id": f"rerank-{os.urandom(12).hex()}",
            "model": body.asked_model,
            "results": ranked.results,
            "usage": {"prompt_tokens": num_tokens, "total_tokens": num_tokens},
            "meta": {
                "api_version": {"version": request.url.path[2:3]},
                "billed_units": {"search_units": 1},
                "tokens": {"input_tokens": num_tokens, "output_tokens": 0},
            },
        }
    )
