"""Which models the holder of a key may use: as on the pages.

Whoever manages models, an administrator with a key for that, sees and changes also those that are switched off; to chat with
one, it has to be switched on for them too.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from webui.api.database import in_database
from webui.api.refusals import unknown_model
from webui.enums import ApiScope
from webui.models import User
from webui.services.api_keys import KeyHolder
from webui.services.model_access import ModelNotAllowed, check_may_use, forbidden_keys
from webui.services.model_names import model_key

_LISTS = ("models", "data")
_NAMES = ("name", "model", "id")


def manages(holder: KeyHolder) -> bool:
    return ApiScope.MANAGE in holder.scopes


async def check_models(holder: KeyHolder, names: Iterable[str], path: str) -> None:
    """Raises Refusal where one of the models is not open to the holder: as if it were not installed."""
    refused = await in_database(_first_refused, holder.user, list(dict.fromkeys(names)))
    if refused is not None:
        raise unknown_model(refused, path)


def _first_refused(user: User, names: list[str]) -> str | None:
    for name in names:
        try:
            check_may_use(user, name)
        except ModelNotAllowed:
            return name
    return None


async def forbidden_to(holder: KeyHolder) -> frozenset[str]:
    """Keys of the models that a list for this holder leaves out."""
    return frozenset() if manages(holder) else await in_database(forbidden_keys, holder.user)


async def without(content: bytes, forbidden: frozenset[str]) -> bytes:
    """A list of models without those; the bytes as they came where none of them is in it."""
    return await asyncio.to_thread(_without, content, forbidden)


def _without(content: bytes, forbidden: frozenset[str]) -> bytes:
    """Raises ValueError for what is no list of models: what cannot be looked through is not given out."""
    value = msgspec.json.decode(content)
    if not isinstance(value, dict):
        raise ValueError("not a list of models")
    is_changed = False
    for name in _LISTS:
        entries = value.get(name)
        if not isinstance(entries, list):
            continue
        kept = [entry for entry in entries if not (_keys_of(entry) & forbidden)]
        is_changed = is_changed or len(kept) < len(entries)
        value[name] = kept
    return msgspec.json.encode(value) if is_changed else content


def _keys_of(entry: Any) -> set[str]:
    if not isinstance(entry, dict):
        return set()
    return {model_key(text) for name in _NAMES if isinstance(text := entry.get(name), str)}
