"""The listening sockets: found free before anything starts, so that a port in use is one sentence, not a traceback."""

import errno
import socket

from webui.env import ConfigurationError


def open_listener(host: str, port: int, variable: str) -> socket.socket:
    """A listening TCP socket. Raises ConfigurationError naming the port and the variable that changes it.

    The supervisor keeps the web server's socket open for good: while daphne starts or is started again,
    connections wait in the kernel's queue instead of being refused.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigurationError(f"{variable} names {host!r}, which is not an address of this machine.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_refusal(error, host, port, variable)) from None
    return listener


def check_free(host: str, port: int, variable: str) -> None:
    """Raise ConfigurationError unless this port can be listened on just now."""
    open_listener(host, port, variable).close()


def _refusal(error: OSError, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        other = _example(variable, port)
        return f"Port {port} on {host} is already in use. Stop the program that uses it, or choose another port: {other}."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose a port above 1023: {_example(variable, 3000)}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine: check {'HEARTH_HOST' if variable == 'HEARTH_PORT' else variable}."
    return f"Cannot listen on {host} port {port}: {error.strerror}. Choose another port: {_example(variable, port)}."


def _example(variable: str, port: int) -> str:
    other = port + 1 if port < 65535 else 3001
    return f"{variable}=127.0.0.1:{other}" if variable == "OLLAMA_HOST" else f"{variable}={other}"
