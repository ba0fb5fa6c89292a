"""The web process: daphne with Django, on sockets that the supervisor opened and keeps."""

import socket
import sys
from collections.abc import Mapping

from webui.supervisor.config import ServeConfig
from webui.supervisor.listener import open_listener, open_runtime_listener
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


def web_service(config: ServeConfig, env: Mapping[str, str]) -> tuple[WebService, list[socket.socket]]:
    """The service and the sockets it listens on, which have to stay open as long as the service is wanted.

    Raises ConfigurationError when an address cannot be listened on.
    """
    listeners = [open_listener(config.host, config.port)]
    places = [(config.host, config.port)]
    if config.api_keys_required:
        try:
            listeners.append(open_runtime_listener(config.runtime_address))
        except BaseException:
            listeners[0].close()
            raise
        places.append((config.runtime_address.host or "::", config.runtime_address.port))
    endpoint = Endpoint("/health", host=reachable(config.host), port=config.port)
    where, fds = [], []
    for listener, (host, port) in zip(listeners, places, strict=True):
        if listener.family == socket.AF_INET6:
            # daphne adopts IPv4 sockets only (4.2.3): here it binds for itself.
            listener.close()
            interface = host.replace(":", r"\:")
            where += ["-e", f"tcp:port={port}:interface={interface}"]
        else:
            where += ["-e", f"fd:fileno={listener.fileno()}"]
            fds.append(listener.fileno())
    command = [sys.executable, "-m", "daphne", "-v", "0", "--no-server-name", *where, "webui.asgi:application"]
    return WebService(command, endpoint, env, pass_fds=fds), listeners


def reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
