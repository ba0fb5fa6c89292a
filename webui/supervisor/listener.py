"""The listening sockets: found free before anything starts, so that a port in use is one sentence, not a traceback."""

import errno
import socket

from inference.address import Address, bind_tcp
from webui.env import ConfigurationError


def open_listener(host: str, port: int) -> socket.socket:
    """The web server's listening socket. Raises ConfigurationError naming the port and how to choose another.

    The supervisor keeps it open for good: while daphne starts or is started again,
    connections wait in the kernel's queue instead of being refused.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise ConfigurationError(f"HEARTH_HOST names {host!r}, which is not an address of this machine.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_refusal(error, "HEARTH_HOST", host, port, f"HEARTH_PORT={_other(port)}")) from None
    return listener


def check_free(address: Address) -> None:
    """Raise ConfigurationError unless the runtime can listen on its address just now."""
    open_runtime_listener(address).close()


def open_runtime_listener(address: Address) -> socket.socket:
    """The runtime's listening socket. Raises ConfigurationError."""
    try:
        listener = bind_tcp(address)
        try:
            listener.listen(512)
        except BaseException:
            listener.close()
            raise
        return listener
    except OSError as error:
        example = f"OLLAMA_HOST={address.host or '0.0.0.0'}:{_other(address.port)}"  # noqa: S104
        raise ConfigurationError(_refusal(error, "OLLAMA_HOST", address.host, address.port, example)) from None


def _refusal(error: OSError, variable: str, host: str, port: int, example: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is already in use. Stop the program that uses it, or choose another port: {example}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"This user may not listen on port {port}. Choose a port above 1023: {example}."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{variable} names {host!r}, which is not an address of this machine."
    return f"Cannot listen on {host} port {port}: {error.strerror}. Choose another port: {example}."


def _other(port: int) -> int:
    """A port to propose in place of this one."""
    return port + 1 if 1023 < port < 65535 else port % 1000 + 8000
