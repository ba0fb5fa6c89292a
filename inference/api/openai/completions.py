"""`POST /v1/completions`: text goes on where the prompt ends, without a template, unless one is asked for."""

import dataclasses
from collections.abc import Sequence

import msgspec
from starlette.requests import Request

from inference.api.answer import Answer
from inference.api.body import read_body
from inference.api.generate import prepare_generate
from inference.api.openai.choices import check_choices, start_choices
from inference.api.openai.completion_writer import CompletionWriter
from inference.api.openai.inputs import MAX_PROMPTS, read_inputs
from inference.api.openai.sampling import DEFAULT_OPTIONS, read_sampling
from inference.api.openai.schemas import CompletionBody
from inference.api.prepared import Prepared
from inference.api.schemas import GenerateBody
from inference.errors import InvalidRequest
from inference.runner.messages import InfillPrompt, TextPrompt, TokenPrompt

_MAX_TOP_LOGPROBS = 20
#: Stands for prompts that are put in later: without a prompt, nothing but loading would be prepared.
_STAND_IN = " "


async def completions(request: Request) -> Answer:
    body = await read_body(request, CompletionBody)
    prompts = read_inputs("prompt", body.prompt, MAX_PROMPTS)
    _check(body, prompts)
    prepared = [await _prepare(request, body, prompt) for prompt in prompts]
    echoes = [str(prompt) if body.echo else "" for prompt in prompts for _ in range(body.n)]
    writer = CompletionWriter(
        body.model,
        echoes=echoes,
        choices_per_prompt=body.n,
        includes_usage=body.stream_options.include_usage,
        wants_events=body.hearth.events,
    )
    return Answer(start_choices(prepared, body.n), writer, is_streaming=body.stream)


def _check(body: CompletionBody, prompts: Sequence[str | list[int]]) -> None:
    """Raises `InvalidRequest` naming the field at fault."""
    check_choices(body.n)
    if len(prompts) * body.n > MAX_PROMPTS:
        raise InvalidRequest(f"prompts times n must be at most {MAX_PROMPTS}", "n")
    if body.best_of is not None and body.best_of != body.n:
        raise InvalidRequest("best_of must be n: of several answers none is chosen here", "best_of")
    if body.logprobs is not None and not 0 <= body.logprobs <= _MAX_TOP_LOGPROBS:
        raise InvalidRequest(f"logprobs must be from 0 to {_MAX_TOP_LOGPROBS}", "logprobs")
    if body.echo and body.logprobs is not None:
        raise InvalidRequest("echo with logprobs is not supported: a prompt's tokens have no logprobs here", "echo")
    has_tokens = any(isinstance(prompt, list) for prompt in prompts)
    for field, is_asked in (("echo", body.echo), ("suffix", bool(body.suffix)), ("raw", not body.raw)):
        if is_asked and has_tokens:
            raise InvalidRequest(f"{field} is not possible with a prompt of tokens", field)
    if body.suffix and body.echo:
        raise InvalidRequest("echo is not possible with a suffix", "echo")
    if not body.model:
        raise InvalidRequest("model is required", "model")


async def _prepare(request: Request, body: CompletionBody, prompt: str | list[int]) -> Prepared:
    text = prompt if isinstance(prompt, str) else ""
    is_raw = body.raw and not body.suffix
    prepared = await prepare_generate(request, _generate_body(body, text or _STAND_IN, is_raw), default_options=DEFAULT_OPTIONS)
    if text or prepared.work is None:
        return prepared
    return dataclasses.replace(prepared, work=msgspec.structs.replace(prepared.work, prompt=_prompt(prepared, prompt)))


def _prompt(prepared: Prepared, prompt: str | list[int]) -> TokenPrompt | InfillPrompt | TextPrompt:
    if isinstance(prompt, list):
        return TokenPrompt(prompt)
    assert prepared.work is not None
    planned = prepared.work.prompt
    return msgspec.structs.replace(planned, prefix="") if isinstance(planned, InfillPrompt) else TextPrompt("")


def _generate_body(body: CompletionBody, prompt: str, is_raw: bool) -> GenerateBody:
    return GenerateBody(
        model=body.model,
        stream=body.stream,
        prompt=prompt,
        suffix=body.suffix,
        raw=is_raw,
        # Completions have no place for thinking.
        think=False,
        options=read_sampling(body, body.max_tokens),
        logprobs=body.logprobs is not None,
        top_logprobs=body.logprobs or 0,
        keep_alive=body.keep_alive,
        shift=body.shift,
        hearth=body.hearth,
    )
