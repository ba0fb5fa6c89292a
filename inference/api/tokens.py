"""`POST /api/tokenize` and `/api/detokenize`: text to the model's tokens and back, and how many tokens a conversation has."""

import os
import time
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.caller import client_of
from inference.api.chat import prepare_chat
from inference.api.models import json_response
from inference.api.opening import OpenModel, open_model, options_for, submit
from inference.api.option_values import check_tokens
from inference.api.options import read_keep_alive
from inference.api.prepared import Prepared
from inference.api.runtime import Runtime, runtime_of
from inference.api.schemas import ChatBody, DetokenizeBody, MessageBody, RequestBody, TokenizeBody
from inference.api.vectors import end_of, unless_gone
from inference.errors import InvalidRequest
from inference.runner.messages import ChatPrompt, TextPrompt, Tokenize, TokenPrompt
from inference.scheduler import Finished

#: A MiB of text takes up to two seconds, in which the runner makes no other long prompt ready.
MAX_TEXT_CHARS = 1024 * 1024


async def tokenize(request: Request) -> Response:
    """The answer has `tokens`, their `count`, which is the room they take in a context, and with `with_pieces` the `pieces`:
    each a text, or a list of bytes where a token is no whole character."""
    started_ns = time.monotonic_ns()
    body = await read_body(request, TokenizeBody)
    opened, work = await _work(request, body)
    finished = await _run(request, opened, body, work)
    answer = {"tokens": list(finished.tokens), "count": finished.stats.num_prompt_tokens}
    if body.with_pieces:
        answer["pieces"] = [_text_or_bytes(piece) for piece in finished.pieces]
    return _answer(body, answer, finished, started_ns)


async def detokenize(request: Request) -> Response:
    started_ns = time.monotonic_ns()
    body = await read_body(request, DetokenizeBody)
    opened = await _open(request, body)
    if body.tokens is None:
        raise InvalidRequest("tokens is required")
    check_tokens("tokens", body.tokens)
    work = Tokenize(request_id=os.urandom(8).hex(), prompt=TokenPrompt(body.tokens), wants_pieces=True)
    finished = await _run(request, opened, body, work)
    return _answer(body, {"content": b"".join(finished.pieces).decode("utf-8", "replace")}, finished, started_ns)


async def _open(request: Request, body: RequestBody) -> OpenModel:
    read_keep_alive(body.keep_alive)
    if not body.asked_model:
        raise InvalidRequest("model is required")
    return await open_model(runtime_of(request), body.asked_model)


async def _work(request: Request, body: TokenizeBody) -> tuple[OpenModel, Tokenize]:
    """Raises `InvalidRequest`, also for what `/api/chat` would refuse."""
    num_given = (body.content is not None) + (body.prompt is not None) + bool(body.messages)
    if body.asked_model and num_given != 1:
        raise InvalidRequest("one of content, prompt and messages is required")
    _check_length(body.messages)
    request_id = os.urandom(8).hex()
    if body.messages:
        prepared = await prepare_chat(request, body)
        assert prepared.work is not None and isinstance(prepared.work.prompt, ChatPrompt)
        return prepared.opened, Tokenize(request_id=request_id, prompt=prepared.work.prompt, wants_pieces=body.with_pieces)
    opened = await _open(request, body)
    field, text = ("content", body.content) if body.content is not None else ("prompt", body.prompt or "")
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidRequest(f"{field} has more than {MAX_TEXT_CHARS} characters")
    return opened, Tokenize(
        request_id=request_id,
        prompt=TextPrompt(text, parse_special=body.parse_special),
        adds_special=body.content is None if body.add_special is None else body.add_special,
        wants_pieces=body.with_pieces,
    )


async def count_prompt(request: Request, prepared: Prepared) -> int:
    """How many tokens a conversation has, however many they are. Raises an `InferenceError`, or `ClientDisconnect` when nobody
    waits any more."""
    body, work = prepared.body, prepared.work
    assert isinstance(body, ChatBody) and work is not None and isinstance(work.prompt, ChatPrompt)
    _check_length(body.messages)
    asked = Tokenize(request_id=os.urandom(8).hex(), prompt=work.prompt)
    return (await _run(request, prepared.opened, body, asked)).stats.num_prompt_tokens


def _check_length(messages: Sequence[MessageBody]) -> None:
    if sum(len(message.content) + len(message.thinking) for message in messages) > MAX_TEXT_CHARS:
        raise InvalidRequest(f"messages have more than {MAX_TEXT_CHARS} characters", "messages")


async def _run(request: Request, opened: OpenModel, body: RequestBody, work: Tokenize) -> Finished:
    """Raises an `InferenceError`, or `ClientDisconnect` when nobody waits any more."""
    runtime: Runtime = runtime_of(request)
    options, keep_alive = options_for(runtime, opened, body), read_keep_alive(body.keep_alive)
    client = client_of(request, body.hearth.client)

    async def run() -> Finished:
        async with runtime.tokenization_turns.take(opened.model.runtime_key, client):
            stream = submit(request, runtime, opened, body, options=options, keep_alive=keep_alive, work=work)
            return await end_of(stream)

    return await unless_gone(request, run())


def _text_or_bytes(piece: bytes) -> str | list[int]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)


def _answer(body: RequestBody, fields: dict[str, Any], finished: Finished, started_ns: int) -> Response:
    durations = {"total_duration": time.monotonic_ns() - started_ns, "load_duration": finished.load_duration_ns}
    return json_response({"model": body.asked_model, **fields, **durations})
