"""`hearth show MODEL`"""

import sys

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.description import describe
from inference.cli.errors import CommandError, ServerError
from inference.cli.suggestions import suggest_model
from inference.cli.terminal import is_terminal, visible

_PARTS = ("license", "modelfile", "parameters", "template", "system")


@declare("show", "MODEL", least=1, most=1, completes=complete_models)
@click.option("--license", is_flag=True, help="Show license of a model")
@click.option("--modelfile", is_flag=True, help="Show Modelfile of a model")
@click.option("--parameters", is_flag=True, help="Show parameters of a model")
@click.option("--template", is_flag=True, help="Show template of a model")
@click.option("--system", is_flag=True, help="Show system message of a model")
@click.option("-v", "--verbose", is_flag=True, help="Show detailed model information")
def command(words: tuple[str, ...], verbose: bool, **parts: bool) -> None:
    chosen = [name for name in _PARTS if parts[name]]
    if len(chosen) > 1:
        names = ", ".join(f"'--{name}'" for name in _PARTS[:-1])
        raise CommandError(f"only one of {names}, or '--{_PARTS[-1]}' can be specified")
    client = Client()
    try:
        model = client.post("/api/show", {"model": words[0], "verbose": verbose})
    except ServerError as error:
        if error.status == 404 and not error.is_unknown_path:
            raise ServerError(f"{error}{suggest_model(client, words[0])}", status=404) from None
        raise
    if chosen:
        text = str(model.get(chosen[0], ""))
        click.echo(visible(text) if is_terminal(sys.stdout) else text)
        return
    click.echo("\n".join(describe(model, is_verbose=verbose)))
