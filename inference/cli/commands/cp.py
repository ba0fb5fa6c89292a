"""`hearth cp SOURCE DESTINATION`"""

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.errors import ServerError
from inference.cli.suggestions import suggest_model
from inference.cli.terminal import visible


@declare("cp", "SOURCE DESTINATION", least=2, most=2, completes=complete_models)
def command(words: tuple[str, ...]) -> None:
    source, destination = words
    client = Client()
    try:
        client.post("/api/copy", {"source": source, "destination": destination})
    except ServerError as error:
        if error.status == 404 and not error.is_unknown_path:
            raise ServerError(f"{error}{suggest_model(client, source)}", status=404) from None
        raise
    click.echo(visible(f"copied '{source}' to '{destination}'"))
