"""`GET /api/hearth/catalogue?language=zh-hans`: the catalogue, with what each model would make of this machine."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.api.runtime import Runtime, runtime_of
from inference.catalogue.catalogue import Family, Size, choose_language, families, sizes_of, text_in
from inference.library.names import parse_name


async def catalogue(request: Request) -> Response:
    """Without `language`, the first that the client accepts. Chinese gets Simplified Chinese, everything else English."""
    runtime = runtime_of(request)
    language = choose_language(request.query_params.get("language") or request.headers.get("accept-language", ""))
    context = _number(request.query_params.get("context"))
    installed = await asyncio.to_thread(lambda: {model.name.folded for model in runtime.library.list_models()})
    return json_response(
        {
            "language": language,
            "families": [await _family(runtime, family, language, installed, context) for family in families()],
        }
    )


async def _family(
    runtime: Runtime, family: Family, language: str, installed: set[tuple[str, str, str, str]], context: int | None
) -> dict[str, Any]:
    return {
        "family": family.family,
        "title": family.title,
        "vendor": text_in(family.vendor, language),
        "summary": text_in(family.summary, language),
        "good_for": text_in(family.good_for, language),
        "license": family.license,
        "languages": family.languages,
        "capabilities": family.capabilities,
        "context": family.context,
        "sizes": [await _size(runtime, size, installed, context) for size in sizes_of(family)],
    }


async def _size(runtime: Runtime, size: Size, installed: set[tuple[str, str, str, str]], context: int | None) -> dict[str, Any]:
    estimate = await runtime.estimator.of_size(size, context=context)
    values: dict[str, Any] = msgspec.to_builtins(size)
    return values | {"installed": parse_name(size.name).folded in installed, "estimate": estimate}


def _number(text: str | None) -> int | None:
    """A context that makes no sense is passed over."""
    return int(text) if text and text.isascii() and text.isdecimal() and 0 < len(text) < 8 and int(text) else None
