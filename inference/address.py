"""`OLLAMA_HOST`: where the runtime listens and where clients of it connect. Same reading of the value as Ollama's."""

import ipaddress
import socket
from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """An empty `host` means every interface."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(value: str, *, default_port: int = DEFAULT_PORT) -> Address:
    """Blanks and one pair of quotes around the value are dropped; an impossible port becomes the scheme's default."""
    text = value.strip().strip("\"'").strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
        if rest == "ollama.com":
            scheme = "https"
    if separator or scheme == "https":
        default_port = _SCHEME_PORTS.get(scheme, default_port)
    host_port, slash, path = rest.partition("/")
    host, port = _split_host_port(host_port)
    return Address(scheme, host, _port_or(port, default_port), (slash + path).rstrip("/"))


def bind_tcp(address: Address) -> socket.socket:
    """A bound, not yet listening socket. Raises `OSError` (also for a host name that does not resolve)."""
    if not address.host and socket.has_dualstack_ipv6():
        return _bind(socket.AF_INET6, ("::", address.port), is_dual=True)
    found = socket.getaddrinfo(address.host or "0.0.0.0", address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # noqa: S104
    family, _, _, _, target = found[0]
    return _bind(family, target)


def _bind(family: int, target: tuple[str | int, ...] | tuple[int, bytes], *, is_dual: bool = False) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_dual else 1)
        listener.bind(target)
    except BaseException:
        listener.close()
        raise
    return listener


def _split_host_port(text: str) -> tuple[str, str]:
    if not text:
        return DEFAULT_HOST, ""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare.count(":") > 1 and _is_ip(bare):
        return bare, ""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return bare, ""
    return host.strip("[]"), port


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port_or(text: str, default: int) -> int:
    if not (text.isascii() and text.isdecimal()):
        return default
    number = int(text[:6])
    return number if number <= 65535 else default
