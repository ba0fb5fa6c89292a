"""HTTP by hand: what is sent is exactly what is written here, and what comes is seen piece by piece."""

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from tests.contract.service import TIMEOUT_S, Service


class RawAnswer:
    """Of one request on a connection of its own. Use as a context: leaving it closes the connection."""

    def __init__(self, service: Service, request: bytes) -> None:
        self.connection = socket.create_connection(("127.0.0.1", service.port), timeout=TIMEOUT_S)
        self._received = b""
        try:
            self.connection.sendall(request)
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        except BaseException:
            self.connection.close()
            raise
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}

    def __enter__(self) -> "RawAnswer":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def chunks(self) -> Iterator[bytes]:
        """As the server cut them. Of a body that is not chunked, the whole; the end of an answer that is cut off is an error."""
        if self.headers.get("transfer-encoding") != "chunked":
            yield self._take(int(self.headers.get("content-length", 0)))
            return
        while size := int(self._until(b"\r\n"), 16):
            yield self._take(size)
            assert self._take(2) == b"\r\n"
        assert self._take(2) == b"\r\n"

    def body(self) -> bytes:
        return b"".join(self.chunks())

    def json(self) -> Any:
        return json.loads(self.body())

    def lines(self) -> list[dict[str, Any]]:
        """Of NDJSON, of which each line, the last too, has its end."""
        body = self.body()
        assert body.endswith(b"\n")
        return [json.loads(line) for line in body[:-1].split(b"\n")]

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._receive()
        found, _, self._received = self._received.partition(end)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        found, self._received = self._received[:size], self._received[size:]
        return found

    def _receive(self) -> None:
        content = self.connection.recv(65536)
        assert content, "the answer was cut off"
        self._received += content


def request_bytes(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """The headers as they are, in their order."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def ask(service: Service, method: str, path: str, body: object = None) -> RawAnswer:
    """As little as HTTP asks for: not even a content type."""
    content = "" if body is None else json.dumps(body)
    headers = {"Host": f"127.0.0.1:{service.port}", "Content-Length": str(len(content.encode()))}
    return RawAnswer(service, request_bytes(method, path, headers, content))
