"""Everything `manage.py serve` is told by the environment, checked before anything is started."""

import os
from dataclasses import dataclass
from pathlib import Path

from inference.address import DEFAULT_PORT, Address, parse_address
from webui.env import ConfigurationError, env_choice, env_int, env_str
from webui.paths import data_dir, inference_socket_path

# sun_path of a Unix socket address holds 108 bytes on Linux, 104 on BSD and macOS, with the closing zero.
LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Where the two servers listen. `runtime_url` is empty when Hearth starts a model runtime of its own; with
    `api_keys_required` the web process listens on the runtime's address too, and the runtime on its socket alone."""

    data_dir: Path
    host: str
    port: int
    runtime_address: Address
    runtime_url: str
    api_keys_required: bool = False

    @property
    def url(self) -> str:
        """What a person types into a browser on this machine."""
        local = self.host in {"", "0.0.0.0", "::", "127.0.0.1", "::1"}  # noqa: S104
        return f"http://{'localhost' if local else bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_runtime_address() -> Address:
    """`OLLAMA_HOST`, read as Ollama reads it, but for a port that is none: Ollama would quietly take another one.

    Raises ConfigurationError.
    """
    value = env_str("OLLAMA_HOST")
    address = parse_address(value, default_port=env_int("OLLAMA_PORT", DEFAULT_PORT, minimum=1, maximum=65535))
    host_port = (value.partition("://")[2] or value).strip("\"' ").partition("/")[0]
    _, colon, port = host_port.rpartition(":")
    if colon and port and host_port.strip("[]") != address.host and not (port.isdecimal() and int(port) == address.port):
        raise ConfigurationError(f"OLLAMA_HOST must be an address such as 127.0.0.1:11434 or 0.0.0.0, not {value!r}.")
    return address


def api_keys_required() -> bool:
    """`HEARTH_API_KEYS`: whether the runtime's port, too, answers only to holders of an API key. Raises ConfigurationError."""
    return env_choice("HEARTH_API_KEYS", "optional", ("optional", "required")) == "required"


def read_config() -> ServeConfig:
    """Read and check the environment. Raises ConfigurationError with one sentence naming the variable."""
    if len(os.fsencode(inference_socket_path())) > LONGEST_SOCKET_PATH:
        raise ConfigurationError(
            f"HEARTH_DATA is too long a path for a Unix socket: {inference_socket_path()} is over {LONGEST_SOCKET_PATH} bytes."
        )
    return ServeConfig(
        data_dir=data_dir(),
        host=env_str("HEARTH_HOST", "127.0.0.1").strip("[]"),
        port=env_int("HEARTH_PORT", 3000, minimum=1, maximum=65535),
        runtime_address=read_runtime_address(),
        runtime_url=_foreign_runtime_url(),
        api_keys_required=api_keys_required(),
    )


def _foreign_runtime_url() -> str:
    url = env_str("HEARTH_INFERENCE_URL")
    if not url or url == f"unix:{inference_socket_path()}":
        return ""
    if not url.startswith(("unix:", "http://", "https://")):
        raise ConfigurationError(f"HEARTH_INFERENCE_URL must begin with unix:, http:// or https://, not {url!r}.")
    return url
