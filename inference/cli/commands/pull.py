"""`hearth pull MODEL…`"""

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.errors import CommandError, ServerError
from inference.cli.terminal import visible
from inference.cli.transfer import pull_model


@declare("pull", "MODEL [MODEL...]", least=0, most=None)
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
@click.option("--all", "pulls_all", is_flag=True, help="Pull every installed model again, to update it")
def command(words: tuple[str, ...], insecure: bool, pulls_all: bool) -> None:
    if pulls_all and words:
        raise CommandError("name models or use --all, not both")
    if not pulls_all and not words:
        raise CommandError("requires at least 1 arg(s), only received 0: hearth pull MODEL [MODEL...]")
    client = Client()
    names = _installed(client) if pulls_all else words
    failed = [name for name in names if not _pull(client, name, insecure, is_update=pulls_all, is_only=len(names) == 1)]
    if failed:
        raise CommandError(f"{len(failed)} of {len(names)} models could not be pulled: {', '.join(failed)}")


def _installed(client: Client) -> list[str]:
    """Without those that lie in the import folder, which came from nowhere."""
    models = client.get("/api/tags")["models"]
    names = [str(model["name"]) for model in models if not (model.get("hearth") or {}).get("linked")]
    if not names:
        click.echo("No model is installed.", err=True)
    return sorted(names)


def _pull(client: Client, name: str, is_insecure: bool, *, is_update: bool, is_only: bool) -> bool:
    """False when it failed and others are left to be pulled; the reason was printed. Raises when it was the only one."""
    if not is_only:
        click.echo(f"{visible(name)}:", err=True)
    try:
        pull_model(client, name, is_insecure=is_insecure, has_estimate=not is_update)
    except CommandError as error:
        if is_update and isinstance(error, ServerError) and error.code == "not_in_registry":
            click.echo(f"{visible(name)} is in no registry and stays as it is.", err=True)
            return True
        if is_only:
            raise
        click.echo(visible(f"Error: {name}: {error}"), err=True)
        return False
    return True
