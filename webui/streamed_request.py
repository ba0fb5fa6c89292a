"""Requests to the API as daphne should have them: the application runs while the body is still coming, and neither a large
upload nor a slow reader fills memory.

daphne itself takes a request in whole before it runs the application, and takes all that the application sends at once.
"""

import asyncio
from collections import deque
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from daphne import http_protocol
from daphne.utils import HEADER_NAME_RE, INVALID_HEADER_VALUE_BYTES

from webui.api.mount import is_for_api
from webui.request_limit import BoundedRequest

#: Bytes of a body that wait for the application before the client has to.
_MOST_WAITING = 256 * 1024
#: A client that was answered early is read from for so many seconds more: a connection that is closed on somebody who still
#: sends may cost them the answer.
_LINGER_S = 1.0
_BAD_HEADER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class StreamedRequest(BoundedRequest):
    """daphne's request. One to the API goes its own way from the end of its head on; pages are served as ever."""

    _is_streamed = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        """The head has been read; twisted keeps its first line in the channel until the body has come."""
        uri: bytes = getattr(self.channel, "_path", b"")
        path = uri.partition(b"?")[0]
        if path.isascii() and is_for_api(unquote(path.decode("ascii")), getattr(self.channel.getHost(), "port", None)):
            self._is_streamed = True
            self.content = BytesIO()
            self._begin(getattr(self.channel, "_command", b""), uri, getattr(self.channel, "_version", b""))
        else:
            super().gotLength(length)

    def _begin(self, method: bytes, uri: bytes, version: bytes) -> None:
        self.method, self.uri, self.clientproto = method, uri, version
        self.path, _, query = uri.partition(b"?")
        headers = [(name.lower(), value) for name, values in self.requestHeaders.getAllRawHeaders() for value in values]
        self._waiting: deque[bytes] = deque()
        self._num_waiting = 0
        self._is_whole = self._has_told_end = self._is_gone = self._is_answered = self._is_reading_paused = False
        self._arrived, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()
        if not (query.isascii() and method.isascii() and _are_clean(headers)):
            self.channel.transport.write(_BAD_HEADER)
            self.channel.loseConnection()
            return
        scope = self._scope(query, headers)
        task = asyncio.ensure_future(self.server.application(scope, self._receive, self._send))
        task.add_done_callback(self._ended)
        self.server.connections[self]["application_instance"] = task

    def _scope(self, query: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        peer, host = self.channel.getPeer(), self.channel.getHost()
        has_addresses = hasattr(peer, "host") and hasattr(peer, "port")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": self.clientproto.partition(b"/")[2].decode("ascii", "replace"),
            "method": self.method.decode("ascii"),
            "path": unquote(self.path.decode("ascii")),
            "raw_path": self.path,
            "root_path": "",
            "scheme": "http",
            "query_string": query,
            # As for pages: a name with a low line may be another one's double.
            "headers": [(name, value) for name, value in headers if b"_" not in name],
            "client": [str(peer.host), peer.port] if has_addresses else None,
            "server": [str(host.host), host.port] if has_addresses else None,
        }

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if not self._is_streamed:
            super().handleContentChunk(data)
        elif not self._is_answered:
            self._waiting.append(data)
            self._num_waiting += len(data)
            self._arrived.set()
            if self._num_waiting > _MOST_WAITING and not self._is_reading_paused:
                self._is_reading_paused = True
                # It is us who are slow: no reason to lose patience with the client.
                self.channel.setTimeout(None)
                self.channel.transport.pauseProducing()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if not self._is_streamed:
            super().requestReceived(command, path, version)
            return
        self._is_whole = True
        self._arrived.set()
        if self._is_answered:
            self.finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        if self._is_streamed:
            self._is_gone = True
            self._arrived.set()
            self._writable.set()
        super().connectionLost(reason)

    async def _receive(self) -> dict[str, Any]:
        """ASGI's `receive`: all that has come of the body, then the end of the connection or of the answer."""
        while not (self._waiting or self._is_gone or self._is_answered):
            if self._is_whole and not self._has_told_end:
                break
            self._arrived.clear()
            await self._arrived.wait()
        if self._is_gone or self._is_answered:
            return {"type": "http.disconnect"}
        body = b"".join(self._waiting)
        self._waiting.clear()
        self._num_waiting = 0
        self._resume_reading()
        self._has_told_end = self._is_whole
        return {"type": "http.request", "body": body, "more_body": not self._is_whole}

    def _resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            if not self._is_whole:
                self.channel.setTimeout(self.channel.timeOut)
            self.channel.transport.resumeProducing()

    async def _send(self, message: dict[str, Any]) -> None:
        """ASGI's `send`; returns once the connection takes more. To a client that is gone it sends nothing."""
        if self._is_gone or self._is_answered:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message["headers"])
            return
        self.write(message.get("body", b""))
        if not message.get("more_body", False):
            self._end()
        elif not self._writable.is_set():
            await self._writable.wait()

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._response_started = True
        self.setResponseCode(status)
        for name, value in headers:
            self.responseHeaders.addRawHeader(name, value)
        if not self._is_whole:
            self._leave_after()
        self.registerProducer(self, True)

    def _leave_after(self) -> None:
        """What still comes of a body nobody reads must never be taken for another request."""
        self.channel.persistent = False
        self.responseHeaders.setRawHeaders(b"connection", [b"close"])

    def _end(self) -> None:
        self.unregisterProducer()
        self._is_answered = True
        self._arrived.set()
        self._waiting.clear()
        if self._is_whole:
            self.finish()
        else:
            self._resume_reading()
            asyncio.get_running_loop().call_later(_LINGER_S, self._leave)

    def _leave(self) -> None:
        if not (self._is_gone or self.finished):
            self.finish()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """An application that leaves an answer unfinished has it cut off, so that nobody takes it for a whole one."""
        if not (self._is_gone or self._is_answered or self.finished):
            self._is_gone = True
            self.channel.transport.abortConnection()

    def pauseProducing(self) -> None:  # noqa: N802
        """twisted's word that more is waiting to be sent than it likes."""
        self._writable.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._writable.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._writable.set()


def _are_clean(headers: list[tuple[bytes, bytes]]) -> bool:
    """As daphne looks at those of pages."""
    return all(HEADER_NAME_RE.fullmatch(name) and not INVALID_HEADER_VALUE_BYTES.intersection(value) for name, value in headers)


def stream_api_requests() -> None:
    """Has daphne make its requests of this class; it offers no setting for it."""
    http_protocol.WebRequest = StreamedRequest
