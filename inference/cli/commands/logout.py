"""`hearth logout REGISTRY`"""

from urllib.parse import quote

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.terminal import visible


@declare("logout", "REGISTRY", least=1, most=1)
def command(words: tuple[str, ...]) -> None:
    """The server forgets how it signed in there."""
    Client().delete(f"/api/hearth/registries/{quote(words[0], safe=':')}")
    click.echo(visible(f"logged out of '{words[0]}'"))
