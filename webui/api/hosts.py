"""The runtime's port as this process serves it keeps the check of the Host header that the runtime itself has."""

from typing import Any

from django.conf import settings

from inference.api.hosts import LocalHostsOnly
from webui.api.mount import is_runtime_port, port_of


def guarded(application: Any) -> Any:
    """The site's own port is reached under any name, and by proxies under theirs: only the other one is guarded, and only
    while it is open to this machine alone."""
    address = settings.KEYED_RUNTIME_ADDRESS
    if address is None or not address.is_loopback:
        return application
    of_this_machine = LocalHostsOnly(application)

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        await (of_this_machine if is_runtime_port(port_of(scope)) else application)(scope, receive, send)

    return choose
