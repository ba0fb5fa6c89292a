"""`POST /api/rerank`: which documents answer a query best, in the shape of Cohere's endpoint."""

import struct
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.models import json_response
from inference.api.opening import open_model
from inference.api.options import read_keep_alive
from inference.api.runtime import runtime_of
from inference.api.schemas import RerankBody
from inference.api.vectors import check_count, compute
from inference.errors import InvalidRequest
from inference.runner.messages import Rerank


async def rerank(request: Request) -> Response:
    started_ns = time.monotonic_ns()
    runtime = runtime_of(request)
    body = await read_body(request, RerankBody)
    keep_alive = read_keep_alive(body.keep_alive)
    texts = [_text(document) for document in body.documents]
    if not body.asked_model:
        raise InvalidRequest("model is required")
    check_count("documents", texts)
    opened = await open_model(runtime, body.asked_model)
    if not opened.metadata.is_reranker:
        raise InvalidRequest(f'"{body.asked_model}" does not support rerank')
    if texts and not body.query.strip():
        raise InvalidRequest("query is required")
    computed = await compute(
        request, runtime, opened, body, texts, keep_alive=keep_alive,
        build=lambda request_id, part: Rerank(request_id=request_id, query=body.query, documents=part),
    )  # fmt: skip
    scores = [struct.unpack("<f", vector)[0] for vector in computed.vectors]
    return json_response(
        {
            "model": body.asked_model,
            "results": _results(body, texts, scores),
            "total_duration": time.monotonic_ns() - started_ns,
            "load_duration": computed.load_duration_ns,
            "prompt_eval_count": computed.num_prompt_tokens,
        }
    )


def _text(document: Any) -> str:
    text = document.get("text") if isinstance(document, dict) else document
    if not isinstance(text, str):
        raise InvalidRequest('documents must be an array of strings, or of objects with a "text"')
    return text


def _results(body: RerankBody, texts: list[str], scores: list[float]) -> list[dict[str, Any]]:
    """The best first; of equals, the earlier one."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    results: list[dict[str, Any]] = []
    for index in order[: body.top_n if body.top_n > 0 else None]:
        result: dict[str, Any] = {"index": index, "relevance_score": scores[index]}
        if body.return_documents:
            result["document"] = {"text": texts[index]}
        results.append(result)
    return results
