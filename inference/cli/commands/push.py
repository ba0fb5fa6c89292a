"""`hearth push MODEL`"""

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.errors import ServerError
from inference.cli.progress import ProgressView
from inference.cli.suggestions import suggest_model


@declare("push", "MODEL", least=1, most=1, completes=complete_models)
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
def command(words: tuple[str, ...], insecure: bool) -> None:
    client = Client()
    try:
        with ProgressView() as view:
            view.follow(client.stream("/api/push", {"model": words[0], "insecure": insecure}))
    except ServerError as error:
        if error.status == 404 and not error.is_unknown_path:
            raise ServerError(f"{error}{suggest_model(client, words[0])}", status=404) from None
        raise
    except KeyboardInterrupt:
        click.echo(f"Cancelled. Layers that arrived whole are kept: 'hearth push {words[0]}' sends the rest.", err=True)
        raise
