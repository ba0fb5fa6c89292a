"""HTTP as uvicorn reads it, and requests that offer to go on in another protocol answered in this one (RFC 9110, 7.8).

Java's HttpClient offers HTTP/2 with each request that it makes without TLS, so LangChain4j, Spring AI and JetBrains' plugins do.
For httptools, what follows such a head is no longer HTTP: it drops the body, and uvicorn answers as if none had come.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Headers of the offer.
_OFFER = (b"connection", b"upgrade", b"http2-settings")
_OFFERING = (b"upgrade", b"http2-settings")


class Http11Protocol(HttpToolsProtocol):
    def data_received(self, data: bytes) -> None:
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
                self._refuse()
                return

    def on_headers_complete(self) -> None:
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

    def _refuse(self) -> None:
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)
