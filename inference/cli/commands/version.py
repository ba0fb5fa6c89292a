"""`hearth --version`"""

import click

from inference.cli.client import Client
from inference.cli.errors import CommandError
from inference.version import VERSION


def print_version() -> None:
    """The server's version, and this command's where it differs or no server answers."""
    server = ""
    try:
        answer = Client().get("/api/version")
        # Ollama itself tells only its own.
        server = str(answer.get("hearth") or answer["version"])
    except (CommandError, AttributeError, KeyError, TypeError):
        click.echo("Warning: could not connect to a running Hearth instance")
    if server:
        click.echo(f"hearth version is {server}")
    if server != VERSION:
        click.echo(f"Warning: client version is {VERSION}")
