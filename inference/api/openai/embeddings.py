"""`POST /v1/embeddings`."""

import asyncio
import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.embed import Matrix, check_embedder, normalised, rows_of
from inference.api.models import json_response
from inference.api.openai.inputs import read_inputs
from inference.api.openai.schemas import EmbeddingBody
from inference.api.opening import open_model, options_for
from inference.api.options import read_keep_alive
from inference.api.runtime import runtime_of
from inference.api.schemas import EmbedBody
from inference.api.vectors import MAX_TEXTS, compute
from inference.errors import InvalidRequest
from inference.runner.messages import Embed, TextPrompt, TokenPrompt

_ENCODINGS = ("float", "base64")


async def create_embeddings(request: Request) -> Response:
    body = await read_body(request, EmbeddingBody)
    inputs = read_inputs("input", body.input, MAX_TEXTS)
    _check(body)
    runtime, asked = runtime_of(request), _embed_body(body)
    keep_alive = read_keep_alive(body.keep_alive)
    opened = await open_model(runtime, body.model)
    check_embedder(asked, opened)
    num_ctx = options_for(runtime, opened, asked).num_ctx

    def build(request_id: str, part: list[str | list[int]]) -> Embed:
        prompts = [TextPrompt(text) if isinstance(text, str) else TokenPrompt(text) for text in part]
        return Embed(request_id=request_id, inputs=prompts, truncate=body.truncate, max_tokens=num_ctx)

    computed = await compute(request, runtime, opened, asked, inputs, keep_alive=keep_alive, build=build)
    matrix = await asyncio.to_thread(normalised, computed.vectors, body.dimensions)
    return json_response(
        {
            "object": "list",
            "data": await asyncio.to_thread(_data, matrix, body.encoding_format),
            "model": body.model,
            "usage": {"prompt_tokens": computed.num_prompt_tokens, "total_tokens": computed.num_prompt_tokens},
        }
    )


def _check(body: EmbeddingBody) -> None:
    """Raises `InvalidRequest` naming the field at fault."""
    if body.encoding_format not in _ENCODINGS:
        raise InvalidRequest(
            f"Invalid value for 'encoding_format' = {body.encoding_format[:50]}. Supported values: ['float', 'base64'].",
            "encoding_format",
        )
    if body.dimensions < 0:
        raise InvalidRequest("dimensions must be 0 or more", "dimensions")
    if not body.model:
        raise InvalidRequest("model is required", "model")


def _embed_body(body: EmbeddingBody) -> EmbedBody:
    options = body.options | ({} if body.num_ctx is None else {"num_ctx": body.num_ctx})
    return EmbedBody(model=body.model, options=options, keep_alive=body.keep_alive, hearth=body.hearth)


def _data(matrix: Matrix, encoding: str) -> list[dict[str, Any]]:
    """In base64 it is little-endian float32, which is what the bytes of OpenAI's are."""
    vectors: list[Any] = rows_of(matrix) if encoding == "float" else [_base64(row) for row in matrix.astype("<f4")]
    return [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]


def _base64(row: Any) -> str:
    return base64.b64encode(row.tobytes()).decode()
