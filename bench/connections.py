"""Connections that were used once and are kept alive."""

import socket
import urllib.parse
from collections.abc import Callable


def idle_connections(url: str, count: int, resident: Callable[[], int]) -> float:
    """By how many MB `resident` grows while `count` connections lie idle. A first dozen is opened and closed before, so that
    what the first request makes a server load is not counted."""
    for connection in [_used_once(url) for _ in range(12)]:
        connection.close()
    before = resident()
    connections = [_used_once(url) for _ in range(count)]
    grown = resident() - before
    for connection in connections:
        # One that the server had closed meanwhile would cost nothing.
        _ask(connection, url)
        connection.close()
    return grown / 1e6


def _used_once(url: str) -> socket.socket:
    parts = urllib.parse.urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), 30)
    _ask(connection, url)
    return connection


def _ask(connection: socket.socket, url: str) -> None:
    """Whatever the answer is, it has a length. Raises OSError when the connection is gone."""
    connection.sendall(f"GET /api/version HTTP/1.1\r\nHost: {urllib.parse.urlsplit(url).netloc}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        if not (part := connection.recv(65536)):
            raise OSError("the connection was closed")
        head += part
    headers, _, body = head.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
