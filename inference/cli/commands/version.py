"""`hearth --version`"""

import click

from inference.cli.client import Client
from inference.cli.errors import CommandError
from inference.version import VERSION


def print_version() -> None:
    """The server's version, and this command's where it differs or no server answers."""
    server = ""
    try:
        server = str(Client().get("/api/version")["version"])
    except (CommandError, KeyError, TypeError):
        click.echo("Warning: could not connect to a running Hearth instance")
    if server:
        click.echo(f"hearth version is {server}")
    if server != VERSION:
        click.echo(f"Warning: client version is {VERSION}")
