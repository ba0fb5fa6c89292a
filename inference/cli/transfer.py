"""Pull and push as both their commands and `hearth run` do them."""

import contextlib
from typing import Any

import click

from inference.cli.client import Client
from inference.cli.errors import CommandError
from inference.cli.figures import human_bytes
from inference.cli.progress import ProgressView
from inference.cli.spinner import Spinner
from inference.cli.terminal import visible

#: The server asks the registry for an estimate; nobody waits for it longer than this.
_ESTIMATE_S = 10.0


def pull_model(client: Client, name: str, *, is_insecure: bool = False, has_estimate: bool = True) -> None:
    """Raises `CommandError`. Ctrl-C ends the pull; what was fetched stays for the next one."""
    if has_estimate and (sentence := estimate(client, name, is_insecure=is_insecure)):
        click.echo(sentence, err=True)
    try:
        with ProgressView() as view:
            view.follow(client.stream("/api/pull", {"model": name, "insecure": is_insecure}))
    except KeyboardInterrupt:
        click.echo(f"Cancelled. What was downloaded is kept: 'hearth pull {name}' goes on from there.", err=True)
        raise


def estimate(client: Client, name: str, *, is_insecure: bool = False) -> str:
    """What a download will take and whether it will run here; empty where the server cannot tell."""
    with contextlib.suppress(CommandError, KeyError, TypeError, ValueError), Spinner():
        answer = client.post("/api/hearth/estimate", {"model": name, "insecure": is_insecure}, timeout=_ESTIMATE_S)
        return visible(f"{name}: {describe_estimate(answer)}") if answer["download_bytes"] else ""
    return ""


def describe_estimate(answer: dict[str, Any]) -> str:
    """Raises `KeyError` or `TypeError` where the server says something else."""
    parts = [f"{human_bytes(answer['download_bytes'])} to download", f"needs {human_bytes(answer['memory_bytes'])} of memory"]
    if not answer["fits"]:
        return f"{', '.join(parts)}, {human_bytes(answer['short_bytes'])} more than this machine has free"
    parts.append("fits")
    if speed := answer.get("tokens_per_second"):
        parts.append(f"about {speed:.0f} tokens/s" if speed >= 1 else "less than 1 token/s")
    return ", ".join(parts)
