"""Which registry a model's name leads to."""

from dataclasses import dataclass

import httpx

from inference.errors import InvalidRequest
from inference.library.names import InvalidName, ModelName, parse_name

#: A host that only sends people on to another, which then would not be told who asks.
_REAL_HOSTS = {"hf.co": "huggingface.co", "www.huggingface.co": "huggingface.co"}


@dataclass(frozen=True)
class RemoteName:
    """A model's name and how to talk to its registry. `scheme` is empty where the name has none.

    An insecure registry is spoken to over TLS with a certificate that nobody vouches for, or over plain HTTP.
    """

    name: ModelName
    scheme: str = ""
    is_insecure: bool = False

    @property
    def origin(self) -> httpx.URL:
        """Over TLS, unless the name says otherwise."""
        return httpx.URL(f"{self.scheme or 'https'}://{_REAL_HOSTS.get(self.name.host.lower(), self.name.host)}")

    @property
    def repository_path(self) -> str:
        return f"/v2/{self.name.namespace}/{self.name.model}"


def parse_remote_name(text: str, *, insecure: bool = False) -> RemoteName:
    """Raises `InvalidRequest` in Ollama's words: plain HTTP has to be asked for by `insecure`."""
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower() if separator else ""
    try:
        name = parse_name(text)
    except InvalidName:
        raise InvalidRequest("invalid model name") from None
    if scheme not in ("", "http", "https"):
        raise InvalidRequest("invalid model name")
    if scheme == "http" and not insecure:
        raise InvalidRequest("insecure protocol http")
    remote = RemoteName(name, scheme, insecure)
    try:
        _ = remote.origin
    except httpx.InvalidURL:
        # The grammar of names lets in hosts that are none, such as `host:port`.
        raise InvalidRequest("invalid model name") from None
    return remote
