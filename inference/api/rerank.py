"""`POST /api/rerank`: which documents answer a query best, in the shape of Cohere's endpoint."""

import struct
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.models import json_response
from inference.api.opening import open_model
from inference.api.options import read_keep_alive
from inference.api.runtime import runtime_of
from inference.api.schemas import RerankBody
from inference.api.vectors import Computed, check_count, compute
from inference.errors import InvalidRequest
from inference.runner.messages import Rerank


@dataclass(frozen=True)
class Ranked:
    """`results` in Cohere's shape, the best first."""

    results: list[dict[str, Any]]
    computed: Computed


async def rerank(request: Request) -> Response:
    started_ns = time.monotonic_ns()
    body = await read_body(request, RerankBody)
    ranked = await rank(request, body, returns_documents=bool(body.return_documents))
    return json_response(
        {
            "model": body.asked_model,
            "results": ranked.results,
            "total_duration": time.monotonic_ns() - started_ns,
            "load_duration": ranked.computed.load_duration_ns,
            "prompt_eval_count": ranked.computed.num_prompt_tokens,
        }
    )


async def rank(request: Request, body: RerankBody, *, returns_documents: bool) -> Ranked:
    """Raises an `InferenceError`, or `ClientDisconnect` when nobody waits any more."""
    runtime = runtime_of(request)
    keep_alive = read_keep_alive(body.keep_alive)
    texts = [_text(document) for document in body.asked_documents]
    if not body.asked_model:
        raise InvalidRequest("model is required", "model")
    check_count("documents", texts)
    opened = await open_model(runtime, body.asked_model)
    if not opened.metadata.is_reranker:
        raise InvalidRequest(f'"{body.asked_model}" does not support rerank')
    if texts and not body.query.strip():
        raise InvalidRequest("query is required", "query")
    computed = await compute(
        request, runtime, opened, body, texts, keep_alive=keep_alive,
        build=lambda request_id, part: Rerank(request_id=request_id, query=body.query, documents=part),
    )  # fmt: skip
    scores = [struct.unpack("<f", vector)[0] for vector in computed.vectors]
    return Ranked(_results(scores, texts if returns_documents else None, body.top_n), computed)


def _text(document: Any) -> str:
    text = document.get("text") if isinstance(document, dict) else document
    if not isinstance(text, str):
        raise InvalidRequest('documents must be an array of strings, or of objects with a "text"')
    return text


def _results(scores: list[float], texts: list[str] | None, top_n: int) -> list[dict[str, Any]]:
    """The best first; of equals, the earlier one."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    results: list[dict[str, Any]] = []
    for index in order[: top_n if top_n > 0 else None]:
        result: dict[str, Any] = {"index": index, "relevance_score": scores[index]}
        if texts is not None:
            result["document"] = {"text": texts[index]}
        results.append(result)
    return results
