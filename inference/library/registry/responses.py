"""Reads what registries answer, never more than is asked for."""

import httpx
import msgspec

from inference.errors import RegistryError
from inference.library.registry.patience import PassingFailure, describe

_LONGEST_ERROR = 16 * 1024
_LONGEST_SENTENCE = 300


async def read_bounded(response: httpx.Response, longest: int) -> bytes:
    """The body of a streamed response. Raises `RegistryError` when it is longer, `PassingFailure` when it is cut off."""
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > longest:
                raise RegistryError("the registry's answer is too long")
    except httpx.DecodingError:
        raise RegistryError("the registry's answer cannot be read") from None
    except httpx.HTTPError as error:
        raise PassingFailure(describe(error)) from None
    return bytes(content)


async def read_error(response: httpx.Response) -> str:
    """What the registry says is wrong, in its own words, on one line; empty when it says nothing that can be read."""
    try:
        content = await read_bounded(response, _LONGEST_ERROR)
        return _one_line(_message(msgspec.json.decode(content)))
    except (RegistryError, PassingFailure, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _message(answer: object) -> str:
    """Docker's `{"errors":[{"code","message"}]}`, Hugging Face's and Ollama's `{"error": text}`."""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("message") or errors[0].get("code") or "")
    error = answer.get("error")
    return error if isinstance(error, str) else ""


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST_SENTENCE]).strip()
