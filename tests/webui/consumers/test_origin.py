from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from webui.consumers.origin import is_allowed_origin


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://box:3000", "box:3000", True),
        ("http://BOX:3000", "box:3000", True),
        ("https://chat.example", "chat.example", True),
        ("https://chat.example", "chat.example:443", True),
        ("http://[::1]:3000", "[::1]:3000", True),
        ("http://box:3000", "box:3001", False),
        ("http://box", "box:3000", False),
        ("http://evil.example", "box:3000", False),
        ("http://box:3000.evil.example", "box:3000", False),
        ("http://box:3000@evil.example", "box:3000", False),
        ("http://box:99999", "box:3000", False),
        ("file://", "", False),
        ("null", "box:3000", False),
        ("", "box:3000", False),
        ("", "", False),
        ("http://", "", False),
        ("https://trusted.example", "internal:3000", True),
        ("https://trusted.example.evil", "internal:3000", False),
    ],
)
def test_origin_has_to_be_the_host(settings: Any, origin: str, host: str, expected: bool) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    assert is_allowed_origin(origin, host) is expected


@pytest.mark.parametrize("origin", [b"http://evil.example", b""])
async def test_handshake_from_elsewhere_is_refused(site: Any, origin: bytes) -> None:
    socket = WebsocketCommunicator(site, "/ws/", headers=[(b"host", b"box:3000"), (b"origin", origin)])
    is_accepted, _ = await socket.connect(timeout=5)
    assert not is_accepted
