"""Where the command finds the server: `OLLAMA_HOST`, read as the server reads it, then turned into something to connect to.

A server of this machine that asks everybody for an API key (`HEARTH_API_KEYS=required`) is reached by its socket, which only
those who run it may open.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from inference.address import DEFAULT_PORT, Address, parse_address
from inference.cli.paths import typed_path

#: Where `manage.py serve` keeps everything unless it is told otherwise.
_USUAL_DATA = Path(__file__).resolve().parents[2] / "data"
#: What a server may listen on and nobody can connect to.
_LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def server_address(environ: Mapping[str, str] = os.environ) -> Address:
    port = environ.get("OLLAMA_PORT", "").strip().strip("\"'")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port[:6]) <= 65535
    address = parse_address(environ.get("OLLAMA_HOST", ""), default_port=int(port) if is_port else DEFAULT_PORT)
    return dataclasses.replace(address, host=_LOOPBACKS.get(address.host, address.host))


def server_socket(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The socket to use in place of `server_address`; None where that address is open, elsewhere, or a key is at hand."""
    if environ.get("HEARTH_API_KEYS", "").strip().lower() != "required" or api_key(environ):
        return None
    if not server_address(environ).is_loopback:
        return None
    folder = environ.get("HEARTH_DATA", "").strip()
    return (typed_path(folder).absolute() if folder else _USUAL_DATA) / "run" / "inference.sock"


def api_key(environ: Mapping[str, str] = os.environ) -> str:
    """For a server that asks for one; the name of the variable is that of Ollama's own clients."""
    return environ.get("OLLAMA_API_KEY", "").strip()
