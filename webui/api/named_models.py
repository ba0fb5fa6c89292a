"""Which models the JSON of a request names, whoever reads it.

The runtime takes one of several fields, in any case and, where one occurs twice, by its own rule; Ollama's decoder takes
another, and takes letters for equal that look different (`ſ` for `s`). So whatever any of them could take for the name of a
model counts as one.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from inference.api.json_text import Pairs, decode_json, scrub
from inference.errors import InvalidRequest
from webui.api.refusals import unreadable

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


async def named_in(content: bytes) -> Named:
    """Raises Refusal for what is no JSON, in the runtime's words."""
    try:
        if len(content) <= _LONGEST_AT_ONCE:
            return _read(content)
        return await asyncio.to_thread(_read, content)
    except InvalidRequest as error:
        raise unreadable(error) from None


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
