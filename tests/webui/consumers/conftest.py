"""A page's socket, opened on the real application."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from tests.factories import make_user
from webui.models import User

HOST = "chat.example:3000"


class Page:
    """The page's end of a socket."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket

    async def say(self, **action: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(action))

    async def hear(self) -> Any:
        return json.loads(await self.socket.receive_from(timeout=5))

    async def hear_until(self, kind: str) -> list[Any]:
        """Everything up to and with the first control message of type `kind`."""
        heard = [await self.hear()]
        while not isinstance(heard[-1], dict) or heard[-1]["type"] != kind:
            heard.append(await self.hear())
        return heard


def session_cookie(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def user(transactional_db: None) -> User:
    return await sync_to_async(make_user)()


@pytest.fixture
async def open_page(site: Any) -> AsyncIterator[OpenPage]:
    """Opens a socket as `user` would (None for a stranger); every one is closed at the end."""
    opened: list[WebsocketCommunicator] = []

    async def open_as(user: User | None, *, origin: str = f"http://{HOST}", cookie: str = "", language: str = "en") -> Page:
        cookie = cookie or (await sync_to_async(session_cookie)(user) if user else "")
        headers = [(b"host", HOST.encode()), (b"origin", origin.encode()), (b"accept-language", language.encode())]
        socket = WebsocketCommunicator(site, "/ws/", headers=[*headers, (b"cookie", cookie.encode())])
        is_accepted, _ = await socket.connect(timeout=5)
        assert is_accepted
        opened.append(socket)
        return Page(socket)

    yield open_as
    for socket in opened:
        await socket.disconnect(timeout=5)
