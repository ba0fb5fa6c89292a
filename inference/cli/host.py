"""Where the command finds the server: `OLLAMA_HOST`, read as the server reads it, then turned into something to connect to."""

import dataclasses
import os
from collections.abc import Mapping

from inference.address import DEFAULT_PORT, Address, parse_address

#: What a server may listen on and nobody can connect to.
_LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def server_address(environ: Mapping[str, str] = os.environ) -> Address:
    port = environ.get("OLLAMA_PORT", "").strip().strip("\"'")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port[:6]) <= 65535
    address = parse_address(environ.get("OLLAMA_HOST", ""), default_port=int(port) if is_port else DEFAULT_PORT)
    return dataclasses.replace(address, host=_LOOPBACKS.get(address.host, address.host))
