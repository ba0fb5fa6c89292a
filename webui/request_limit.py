"""How much a stranger may send before anybody looks at it.

daphne takes a request in whole before Django sees it, and holds all of it in memory: Django's own limit comes too late.
"""

import re

from daphne import http_protocol
from django.conf import settings

from webui.services.uploads import PIECE_BYTES

#: Where the pieces of an uploaded model file go, which are larger than forms.
_PIECE = re.compile(rb"[^?]*/models/uploads/[\w-]{1,64}/")
_REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]
    """daphne's request, refused as soon as its body is announced, or grows, beyond what a form may have."""

    _received = 0
    _limit = 0
    _is_refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        super().gotLength(length)
        self._limit = self._largest_body()
        self._refuse_beyond(length or 0)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self._received += len(data)
        self._refuse_beyond(self._received)
        if not self._is_refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().requestReceived(command, path, version)

    def _largest_body(self) -> int:
        """The line that names method and path has been read by now; twisted keeps it in its channel until the body has come."""
        method, path = getattr(self.channel, "_command", b""), getattr(self.channel, "_path", b"")
        is_piece = method == b"PATCH" and _PIECE.fullmatch(path) is not None
        return max(PIECE_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE) if is_piece else settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def _refuse_beyond(self, length: int) -> None:
        if length > self._limit and not self._is_refused:
            self._is_refused = True
            self.channel.transport.write(_REFUSAL)
            self.channel.loseConnection()
