"""Bodies that come compressed. Some clients do so by themselves; what they would unfold to is bounded like any body."""

import asyncio
import zlib
from typing import TYPE_CHECKING

from inference.errors import InvalidRequest, PayloadTooLarge, UnsupportedEncoding

if TYPE_CHECKING:
    from starlette.requests import Request

#: Tells gzip and zlib apart by their headers.
_EITHER = zlib.MAX_WBITS | 32
_READABLE = ("gzip", "x-gzip", "deflate")


def encoding_of(request: "Request") -> str:
    """Of the body; empty where it comes as it is. Raises `UnsupportedEncoding` before any of it is read."""
    return readable_encoding(request.headers.get("content-encoding", ""))


def readable_encoding(header: str) -> str:
    """Raises `UnsupportedEncoding`."""
    encoding = header.strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in _READABLE:
        raise UnsupportedEncoding(f'content-encoding "{encoding[:50]}" is not supported; send gzip, deflate or no encoding')
    return encoding


async def decompressed(content: bytes, encoding: str, limit: int) -> bytes:
    """Raises `InvalidRequest`, or `PayloadTooLarge` when more than `limit` bytes come of it."""
    return await asyncio.to_thread(_decompress, content, encoding, limit) if encoding else content


def _decompress(content: bytes, encoding: str, limit: int) -> bytes:
    machine = zlib.decompressobj(_EITHER)
    try:
        found = machine.decompress(content, limit + 1)
    except zlib.error:
        raise InvalidRequest(f"the request body is not valid {encoding}") from None
    if len(found) > limit:
        raise PayloadTooLarge(f"the request body is larger than {limit // 1024**2} MiB")
    if not machine.eof:
        raise InvalidRequest(f"the request body is not whole: its {encoding} ends too early")
    return found
