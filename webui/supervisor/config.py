"""Everything `manage.py serve` is told by the environment, checked before anything is started."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from webui.env import ConfigurationError, env_int, env_str
from webui.paths import data_dir, inference_socket_path

OLLAMA_PORT = 11434
# sun_path of a Unix socket address holds 108 bytes on Linux, 104 on BSD and macOS, with the closing zero.
LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Where the two servers listen. `runtime_url` is empty when Hearth starts a model runtime of its own."""

    data_dir: Path
    host: str
    port: int
    runtime_host: str
    runtime_port: int
    runtime_url: str

    @property
    def url(self) -> str:
        """What a person types into a browser on this machine."""
        local = self.host in {"", "0.0.0.0", "::", "127.0.0.1", "::1"}  # noqa: S104
        return f"http://{'localhost' if local else bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def parse_ollama_host(value: str) -> tuple[str, int]:
    """Host and port of `OLLAMA_HOST`, in every form Ollama takes: `host`, `:port`, `host:port`, `[::1]:port`, a URL.

    Raises ConfigurationError when there is no such form.
    """
    text = value.strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    default_port = {"http": 80, "https": 443}.get(scheme.lower(), OLLAMA_PORT) if separator else OLLAMA_PORT
    if not separator:
        rest = text
    if rest.count(":") > 1 and not rest.startswith("["):
        rest = f"[{rest}]"
    try:
        parts = urlsplit(f"//{rest}")
        port = default_port if parts.port is None else parts.port
    except ValueError:
        raise ConfigurationError(
            f"OLLAMA_HOST must be an address such as 127.0.0.1:{OLLAMA_PORT} or 0.0.0.0, not {value!r}."
        ) from None
    return parts.hostname or "127.0.0.1", port


def read_config() -> ServeConfig:
    """Read and check the environment. Raises ConfigurationError with one sentence naming the variable."""
    runtime_host, runtime_port = parse_ollama_host(env_str("OLLAMA_HOST"))
    if len(os.fsencode(inference_socket_path())) > LONGEST_SOCKET_PATH:
        raise ConfigurationError(
            f"HEARTH_DATA is too long a path for a Unix socket: {inference_socket_path()} is over {LONGEST_SOCKET_PATH} bytes."
        )
    return ServeConfig(
        data_dir=data_dir(),
        host=env_str("HEARTH_HOST", "127.0.0.1").strip("[]"),
        port=env_int("HEARTH_PORT", 3000, minimum=1, maximum=65535),
        runtime_host=runtime_host,
        runtime_port=runtime_port,
        runtime_url=_foreign_runtime_url(),
    )


def _foreign_runtime_url() -> str:
    url = env_str("HEARTH_INFERENCE_URL")
    if not url or url == f"unix:{inference_socket_path()}":
        return ""
    if not url.startswith(("unix:", "http://", "https://")):
        raise ConfigurationError(f"HEARTH_INFERENCE_URL must begin with unix:, http:// or https://, not {url!r}.")
    return url
