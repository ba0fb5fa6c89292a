"""Which models the JSON of a request names, whoever reads it.

The runtime takes one of several fields, in any case and, where one occurs twice, by its own rule; Ollama's decoder takes
another, and takes letters for equal that look different (`ſ` for `s`). So whatever any of them could take for the name of a
model counts as one.
"""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from inference.api.content_encoding import decompressed, readable_encoding
from inference.api.json_text import MAX_BODY_BYTES, Pairs, decode_json, scrub
from inference.errors import InvalidRequest, PayloadTooLarge, UnsupportedEncoding
from webui.api.refusals import Refusal, too_large, unreadable
from webui.api.request import ApiRequest

_FIELDS = frozenset(("model", "name", "source", "from", "destination", "kind", "stream"))
#: Reading a body that is longer than this takes longer than anybody's stream should stand still.
_LONGEST_AT_ONCE = 64 * 1024


@dataclass(frozen=True)
class Named:
    """All values, by the name of the field in lower case, in the order in which they came."""

    fields: dict[str, list[Any]] = field(default_factory=dict)

    def texts(self, *names: str) -> list[str]:
        """Values that are texts and not empty."""
        return [value for name in names for value in self.fields.get(name, ()) if isinstance(value, str) and value]

    @property
    def models(self) -> list[str]:
        return self.texts("model", "name", "source", "from", "destination")


async def named_in(request: ApiRequest, body: bytes) -> Named:
    """Raises Refusal for what is no JSON, in the runtime's words."""
    try:
        content = await decompressed(body, _encoding_of(request), MAX_BODY_BYTES)
        if len(content) <= _LONGEST_AT_ONCE:
            return _read(content)
        return await asyncio.to_thread(_read, content)
    except UnsupportedEncoding as error:
        raise Refusal(error, HTTPStatus.UNSUPPORTED_MEDIA_TYPE) from None
    except PayloadTooLarge as error:
        raise too_large(error) from None
    except InvalidRequest as error:
        raise unreadable(error) from None


def _encoding_of(request: ApiRequest) -> str:
    """Raises `UnsupportedEncoding`, also where it is told twice: who reads it next might take the other one."""
    told = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"content-encoding"]
    if len(told) > 1:
        raise UnsupportedEncoding("content-encoding is told more than once")
    return readable_encoding(told[0]) if told else ""


def _read(content: bytes) -> Named:
    value = decode_json(content, _interesting)
    return value if isinstance(value, Named) else Named()


def _interesting(pairs: Pairs) -> Named | None:
    """Stands for an object, and keeps of it no more than is asked for: a body of millions of small objects is not kept."""
    fields: dict[str, list[Any]] = {}
    for key, value in pairs:
        for name in _folded(key):
            fields.setdefault(name, []).append(scrub(value) if isinstance(value, str) else None)
    return Named(fields) if fields else _NOTHING


_NOTHING = Named()


def _folded(key: str) -> set[str]:
    """The fields that a key could be taken for."""
    return {key.lower(), key.casefold(), scrub(key).casefold()} & _FIELDS if len(key) <= 32 else set()
