"""Bodies that come compressed. Some clients do so by themselves; what they would unfold to is bounded like any body."""

import asyncio
import zlib
from typing import TYPE_CHECKING

from inference.api import zstd
from inference.errors import InvalidRequest, PayloadTooLarge, UnsupportedEncoding

if TYPE_CHECKING:
    from starlette.requests import Request

#: Tells gzip and zlib apart by their headers.
_EITHER = zlib.MAX_WBITS | 32
_READABLE = ("gzip", "x-gzip", "deflate")
#: Codex sends it, where its owner is signed in at OpenAI.
_ZSTD = "zstd"


def encoding_of(request: "Request") -> str:
    """Of the body; empty where it comes as it is. Raises `UnsupportedEncoding` before any of it is read."""
    return readable_encoding(request.headers.get("content-encoding", ""))


def readable_encoding(header: str) -> str:
    """Raises `UnsupportedEncoding`."""
    encoding = header.strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding in _READABLE or (encoding == _ZSTD and zstd.is_available()):
        return encoding
    offered = "gzip, deflate, zstd" if zstd.is_available() else "gzip, deflate"
    raise UnsupportedEncoding(f'content-encoding "{encoding[:50]}" is not supported; send {offered} or no encoding')


async def decompressed(content: bytes, encoding: str, limit: int) -> bytes:
    """Raises `InvalidRequest`, or `PayloadTooLarge` when more than `limit` bytes come of it."""
    return await asyncio.to_thread(_decompress, content, encoding, limit) if encoding else content


def _decompress(content: bytes, encoding: str, limit: int) -> bytes:
    unfold = zstd.unfold if encoding == _ZSTD else _inflate
    try:
        found = unfold(content, limit + 1)
    except (zlib.error, zstd.ZstdError):
        raise InvalidRequest(f"the request body is not valid {encoding}, or not whole") from None
    if len(found) > limit:
        raise PayloadTooLarge(f"the request body is larger than {limit // 1024**2} MiB")
    return found


def _inflate(content: bytes, limit: int) -> bytes:
    """At most `limit` bytes."""
    machine = zlib.decompressobj(_EITHER)
    found = machine.decompress(content, limit)
    if not machine.eof and len(found) < limit:
        raise zlib.error
    return found
