"""Asking a process over HTTP whether it answers: a few lines over asyncio, since an HTTP library would triple the supervisor."""

import asyncio
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a process answers: a Unix socket when `socket_path` is set, else TCP."""

    path: str
    host: str = "127.0.0.1"
    port: int = 0
    socket_path: Path | None = None


async def is_answering(endpoint: Endpoint, *, timeout: float) -> bool:  # noqa: ASYNC109
    """Whether one request is answered within `timeout` seconds; an answer below 500 counts, also a refused Host name."""
    try:
        async with asyncio.timeout(timeout):
            status = await _request_status(endpoint)
    except (OSError, ValueError, IndexError, TimeoutError):
        return False
    return status < 500


async def _request_status(endpoint: Endpoint) -> int:
    if endpoint.socket_path:
        reader, writer = await asyncio.open_unix_connection(endpoint.socket_path)
    else:
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        writer.write(f"GET {endpoint.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
