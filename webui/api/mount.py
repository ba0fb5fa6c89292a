"""Which requests are for the API: by their path below the mount point, or by the port they came to."""

from typing import Any

from django.conf import settings

_BEGINNINGS = ("/api/", "/v1/", "/v2/")
_ALONE = {"/openapi.json"}


def path_below_mount(path: str) -> str:
    """Without `HEARTH_SCRIPT_NAME`, which some proxies cut off and others leave there."""
    name: str = settings.SCRIPT_NAME
    return path[len(name) :] if name and path.startswith(f"{name}/") else path


def is_for_api(path: str, port: int | None) -> bool:
    """`path` is decoded; `port` is the one of this machine that the request came to. On the runtime's own port, which this
    process serves with `HEARTH_API_KEYS=required`, there is nothing else."""
    below = path_below_mount(path)
    return is_runtime_port(port) or below.startswith(_BEGINNINGS) or below in _ALONE


def is_runtime_port(port: int | None) -> bool:
    return settings.KEYED_RUNTIME_PORT is not None and port == settings.KEYED_RUNTIME_PORT


def port_of(scope: dict[str, Any]) -> int | None:
    server = scope.get("server")
    return server[1] if server else None
