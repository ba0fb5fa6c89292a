"""The web process: daphne with Django, on a socket that the supervisor opened and keeps."""

import socket
import sys
from collections.abc import Mapping

from webui.supervisor.config import ServeConfig
from webui.supervisor.listener import open_listener
from webui.supervisor.probe import Endpoint
from webui.supervisor.service import Service, ServiceCannotStart


class WebService(Service):
    """Without it there is no page to show a failure on: one that never came up ends the supervisor."""

    name = "web"
    title = "web process"
    has_been_ready = False

    def on_ready(self) -> None:
        self.has_been_ready = True

    def on_failed(self, cause: str) -> None:
        if not self.has_been_ready:
            raise ServiceCannotStart(f"The web process could not start: {cause}")


def web_service(config: ServeConfig, env: Mapping[str, str]) -> tuple[WebService, socket.socket]:
    """The service and the socket it listens on, which has to stay open as long as the service is wanted.

    Raises ConfigurationError when the address cannot be listened on.
    """
    listener = open_listener(config.host, config.port)
    endpoint = Endpoint("/health", host=reachable(config.host), port=config.port)
    where, fds = ["--fd", str(listener.fileno())], [listener.fileno()]
    if listener.family == socket.AF_INET6:
        # daphne adopts IPv4 sockets only (4.2.3): here it binds for itself.
        listener.close()
        where, fds = ["-b", config.host, "-p", str(config.port)], []
    command = [sys.executable, "-m", "daphne", "-v", "0", "--no-server-name", *where, "webui.asgi:application"]
    return WebService(command, endpoint, env, pass_fds=fds), listener


def reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
