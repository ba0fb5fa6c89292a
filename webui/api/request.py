"""One request to the API, as far as its head tells."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference.api.json_text import MAX_BODY_BYTES
from inference.errors import PayloadTooLarge
from webui.api.mount import path_below_mount
from webui.api.refusals import too_large

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class ClientGone(Exception):
    """Nobody waits for an answer any more."""


@dataclass(frozen=True)
class ApiRequest:
    """`path` is decoded and without the site's mount point."""

    scope: dict[str, Any]
    receive: Receive
    send: Send

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @cached_property
    def path(self) -> str:
        return path_below_mount(self.scope["path"])

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """The last of each name; names are in lower case."""
        return dict(self.scope["headers"])

    def values_of(self, name: bytes) -> list[str]:
        """All of one name, in the order in which they came."""
        return [value.decode("latin-1") for header, value in self.scope["headers"] if header == name]

    @property
    def body_length(self) -> int | None:
        """In bytes, where it was announced."""
        told = self.headers.get(b"content-length", b"")
        return int(told) if told.isdigit() and len(told) < 20 else None

    async def whole_body(self) -> bytes:
        """Raises Refusal when it is larger than the runtime reads, ClientGone."""
        body = bytearray()
        if (self.body_length or 0) > MAX_BODY_BYTES:
            raise too_large(_too_large())
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                raise too_large(_too_large())
            if not message.get("more_body", False):
                return bytes(body)


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"the request body is larger than {MAX_BODY_BYTES // 1024**2} MiB")
