"""HTTP as uvicorn reads it, and what it and httptools do not do.

- Requests that offer to go on in another protocol are answered in this one (RFC 9110, 7.8). Java's HttpClient offers HTTP/2
  with each request that it makes without TLS, so LangChain4j, Spring AI and JetBrains' plugins do. For httptools, what follows
  such a head is no longer HTTP: it drops the body, and uvicorn answers as if none had come.
- What is kept of a head is bounded.
- Clients of HTTP/1.0 know no chunks (RFC 9112, 6.1): a body whose length is not told ends with the connection.
"""

import asyncio
from functools import partial
from typing import Any, cast

import httptools
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from inference.api.arrivals import Arrivals, offer_arrival
from inference.api.direct_body import offer_direct_body

#: Headers of the offer.
_OFFER = (b"connection", b"upgrade", b"http2-settings")
_OFFERING = (b"upgrade", b"http2-settings")
#: Bytes of a request's first line and headers. Other servers take 8 to 32 KiB.
MAX_HEAD_BYTES = 64 * 1024
#: Whoever is refused while they send is read from for so many seconds: the answer could be lost with the connection.
_LINGER_S = 1.0


class _HeadTooLarge(Exception):
    pass


class Http11Protocol(HttpToolsProtocol):
    #: Where the requests that are coming in are counted; see `counting_in`.
    arrivals: Arrivals | None = None
    _is_refused = False
    #: What is known of the head, and what came since something was last done with it: the parser keeps a header, be it one
    #: after a chunked body, until it is whole.
    _num_head_bytes = _num_kept_bytes = 0
    _has_gone_on = False

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._has_gone_on = False
        self._read(data)
        self._num_kept_bytes = 0 if self._has_gone_on else self._num_kept_bytes + len(data)
        if self._num_kept_bytes > MAX_HEAD_BYTES and not self._is_refused:
            self._refuse_head()

    def _read(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                if self.parser.get_method() == b"CONNECT":
                    self._refuse()
                    return
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                if self._num_head_bytes > MAX_HEAD_BYTES:
                    self._refuse_head()
                else:
                    self._refuse()
                return

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.arrivals is not None:
            self.arrivals.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.arrivals is not None:
            self.arrivals.end(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        if self.arrivals is not None:
            self.arrivals.end(self)
        super().on_response_complete()

    def on_message_begin(self) -> None:
        if self.arrivals is not None:
            self.arrivals.begin(self)
        self._has_gone_on = True
        self._num_head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, num_bytes: int) -> None:
        """With the signs between. What is raised here ends the parser."""
        self._num_head_bytes += num_bytes + 4
        if self._num_head_bytes > MAX_HEAD_BYTES:
            raise _HeadTooLarge

    def on_body(self, body: bytes) -> None:
        self._has_gone_on = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._has_gone_on = True
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Of a request with an offer, only the head was read so far."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _head_without_offer(self) -> bytes:
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _OFFER]
        tokens = [token.strip() for name, value in self.headers if name == b"connection" for token in value.split(b",")]
        if kept := b", ".join(token for token in tokens if token.lower() not in _OFFERING):
            lines.append(b"connection: " + kept)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        offer_direct_body(cast(Scope, cycle.scope), cycle)
        if self.arrivals is not None:
            offer_arrival(cast(Scope, cycle.scope), partial(self.arrivals.end, self))
        super()._start_asgi_task(cycle, _without_chunks(app, cycle) if cycle.scope["http_version"] == "1.0" else app)

    def _refuse_head(self) -> None:
        self._is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            # Another request is being answered: nothing may stand in the middle of that.
            self.transport.close()
            return
        text = f"The headers of the request are larger than {MAX_HEAD_BYTES // 1024} KiB."
        self.logger.warning("A request was refused: its headers are larger than %s KiB.", MAX_HEAD_BYTES // 1024)
        lines = ("HTTP/1.1 431 Request Header Fields Too Large", "content-type: text/plain; charset=utf-8")
        framing = (f"content-length: {len(text)}", "connection: close", "", text)
        self.transport.write("\r\n".join((*lines, *framing)).encode())
        self.transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, self.transport.close)

    def _refuse(self) -> None:
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)


def counting_in(arrivals: Arrivals) -> type[Http11Protocol]:
    """The protocol of a server whose requests are counted there."""
    return type("CountingHttp11Protocol", (Http11Protocol,), {"arrivals": arrivals})


def _without_chunks(app: Any, cycle: RequestResponseCycle) -> Any:
    """The application with answers that end with the connection, where it does not say how long they are."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        ends_with_connection = False

        async def sending(message: Message) -> None:
            nonlocal ends_with_connection
            if message["type"] == "http.response.start":
                ends_with_connection = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
                if ends_with_connection:
                    cycle.chunked_encoding = False
            elif ends_with_connection:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return answer
