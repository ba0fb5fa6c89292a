"""Which protocol goes where: pages to Django, the page's one socket to its consumer, the API to the runtime behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.urls import path

from webui.api.application import serve_api
from webui.api.hosts import guarded
from webui.api.mount import is_for_api, port_of
from webui.consumers.chat import ChatConsumer
from webui.consumers.origin import SameOrigin
from webui.services.event_loop import bind

Application = Callable[[Any, Any, Any], Awaitable[Any]]


def make_application(pages: Application) -> Application:
    """The site. The session is only found here; who it belongs to, the consumer asks anew at every action."""
    router = ProtocolTypeRouter(
        {
            "http": pages,
            "websocket": SameOrigin(SessionMiddlewareStack(URLRouter([path("ws/", ChatConsumer.as_asgi())]))),
        }
    )

    api = guarded(serve_api)

    async def application(scope: Any, receive: Any, send: Any) -> Any:
        bind(asyncio.get_running_loop())
        if scope["type"] == "http" and is_for_api(scope["path"], port_of(scope)):
            return await api(scope, receive, send)
        return await router(mounted(scope), receive, send)

    return application


def mounted(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope as ASGI wants it below a mount point, `HEARTH_SCRIPT_NAME`: in `root_path`, and at the beginning of `path`.

    Some proxies cut it off the path, some leave it there. What daphne says is passed over: it believes any client that
    names a mount point (`Daphne-Root-Path`).
    """
    name: str = settings.SCRIPT_NAME
    path: str = scope.get("path", "/")
    return {**scope, "root_path": name, "path": path if path.startswith(f"{name}/") else name + path}
