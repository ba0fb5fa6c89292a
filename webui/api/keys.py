"""Who asks: the holder of the API key that a request brings. Nothing else is looked at, a cookie least of all."""

from webui.api.addresses import address_of
from webui.api.database import in_database
from webui.api.failed_keys import FailedKeys
from webui.api.refusals import ambiguous_key, no_key, too_many_failures, wrong_key, wrong_scope
from webui.api.request import ApiRequest
from webui.api.routes import Door
from webui.services.api_keys import KeyHolder, authenticate

failed_keys = FailedKeys()


def key_of(request: ApiRequest) -> str:
    """From `Authorization: Bearer`, or `x-api-key`, which clients of Anthropic send. "" for none. Raises Refusal where there
    are several: whoever stands before us may have looked at another one than we do."""
    bearers, keys = request.values_of(b"authorization"), request.values_of(b"x-api-key")
    if len(bearers) > 1 or len(keys) > 1:
        raise ambiguous_key()
    kind, _, bearer = "".join(bearers).strip().partition(" ")
    found = {bearer.strip() if kind.lower() == "bearer" else "", "".join(keys).strip()} - {""}
    if len(found) > 1:
        raise ambiguous_key()
    return next(iter(found), "")


async def holder_of(request: ApiRequest) -> KeyHolder:
    """Asked anew for every request. Raises Refusal."""
    key = key_of(request)
    if not key:
        raise no_key()
    address = address_of(request.scope)
    async with failed_keys.turn(address, key):
        if seconds := failed_keys.seconds_to_wait(address, key):
            raise too_many_failures(seconds)
        holder = await in_database(authenticate, key)
        if holder is None:
            failed_keys.failed(address)
            raise wrong_key()
        failed_keys.succeeded(key)
    return holder


def opens(holder: KeyHolder, door: Door) -> bool:
    return door in (Door.EVERYBODY, Door.ANY_KEY) or door.value in holder.scopes


def check_scope(holder: KeyHolder, door: Door) -> None:
    """Raises Refusal."""
    if not opens(holder, door):
        raise wrong_scope(door.value)
