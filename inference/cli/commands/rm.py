"""`hearth rm MODEL…`"""

import contextlib

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.errors import ServerError
from inference.cli.suggestions import suggest_model
from inference.cli.terminal import visible


@declare("rm", "MODEL [MODEL...]", least=1, most=None, completes=complete_models)
def command(words: tuple[str, ...]) -> None:
    client = Client()
    for name in words:
        # Whether it is there at all is said by what deletes it.
        with contextlib.suppress(ServerError):
            client.post("/api/generate", {"model": name, "keep_alive": 0})
        try:
            client.delete("/api/delete", {"model": name})
        except ServerError as error:
            if error.status == 404 and not error.is_unknown_path:
                raise ServerError(f"{error}{suggest_model(client, name)}", status=404) from None
            raise
        click.echo(visible(f"deleted '{name}'"))
