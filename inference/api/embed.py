"""`POST /api/embed`, and `POST /api/embeddings` as it was before."""

import asyncio
import time
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.models import json_response
from inference.api.opening import OpenModel, open_model, options_for
from inference.api.options import read_keep_alive
from inference.api.runtime import Runtime, runtime_of
from inference.api.schemas import EmbedBody
from inference.api.vectors import Computed, check_count, compute
from inference.errors import InvalidRequest, ModelNotFound
from inference.runner.messages import Embed, Submission, TextPrompt

#: As many as float32 can tell apart in a vector of length 1.
_DECIMALS = 9

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


async def embed(request: Request) -> Response:
    started_ns = time.monotonic_ns()
    body = await read_body(request, EmbedBody)
    texts = _texts(body.input)
    if not body.asked_model:
        raise ModelNotFound("model '' not found")
    computed = await _compute(request, body, texts)
    if computed is None or not texts:
        return json_response({"model": body.asked_model, "embeddings": []})
    embeddings = await asyncio.to_thread(_normalised, computed.vectors, body.dimensions)
    return json_response(
        {
            "model": body.asked_model,
            "embeddings": embeddings,
            "total_duration": time.monotonic_ns() - started_ns,
            "load_duration": computed.load_duration_ns,
            "prompt_eval_count": computed.num_prompt_tokens,
        }
    )


async def embeddings(request: Request) -> Response:
    """One text, and its vector as the model gives it."""
    body = await read_body(request, EmbedBody)
    if not body.asked_model:
        raise InvalidRequest("model is required")
    try:
        computed = await _compute(request, body, [body.prompt] if body.prompt else [])
    except ModelNotFound:
        raise ModelNotFound(f'model "{body.asked_model}" not found, try pulling it first') from None
    if computed is None or not computed.vectors:
        return json_response({"embedding": []})
    (vector,) = _read(computed.vectors)
    return json_response({"embedding": [float(f"{value:.9g}") for value in vector.tolist()]})


async def _compute(request: Request, body: EmbedBody, texts: list[str]) -> Computed | None:
    """None when only unloading was asked for."""
    runtime = runtime_of(request)
    keep_alive = read_keep_alive(body.keep_alive)
    opened = await open_model(runtime, body.asked_model)
    if not texts and keep_alive == 0:
        runtime.scheduler.unload(opened.model)
        return None
    check_embedder(body, opened)
    return await compute(request, runtime, opened, body, texts, keep_alive=keep_alive, build=_builder(runtime, opened, body))


def _builder(runtime: Runtime, opened: OpenModel, body: EmbedBody) -> Any:
    num_ctx = options_for(runtime, opened, body).num_ctx

    def build(request_id: str, texts: list[str]) -> Submission:
        inputs: list[Any] = [TextPrompt(text) for text in texts]
        return Embed(request_id=request_id, inputs=inputs, truncate=body.truncate, max_tokens=num_ctx)

    return build


def _texts(value: Any) -> list[str]:
    """An empty text alone is no text; in a list it has its place."""
    if value is None or value == "":
        return []
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidRequest("invalid input type")
    check_count("input", texts)
    return texts


def check_embedder(body: EmbedBody, opened: OpenModel) -> None:
    if opened.metadata.is_reranker:
        raise InvalidRequest(f'"{body.asked_model}" does not support embedding')


def _normalised(vectors: list[bytes], dimensions: int) -> list[list[float]]:
    return rows_of(normalised(vectors, dimensions))


def rows_of(matrix: Matrix) -> list[list[float]]:
    """For JSON."""
    rows: list[list[float]] = matrix.round(_DECIMALS).tolist()
    return rows


def normalised(vectors: list[bytes], dimensions: int) -> Matrix:
    """Vectors of length 1, a row each; with `dimensions`, of their first so many numbers. Raises `InvalidRequest` where one
    cannot be written as JSON."""
    matrix = _read(vectors)
    if 0 < dimensions < matrix.shape[1]:
        matrix = matrix[:, :dimensions]
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    # A vector of nothing but zeros has no direction.
    return matrix / np.where(lengths == 0, 1, lengths)


def _read(vectors: list[bytes]) -> Matrix:
    matrix = np.frombuffer(b"".join(vectors), "<f4").astype(np.float64).reshape(len(vectors), -1)
    if not np.isfinite(matrix).all():
        raise InvalidRequest("embedding contains NaN or Inf values")
    return matrix
