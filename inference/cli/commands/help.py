"""`hearth help [COMMAND]`"""

import click

from inference.cli import usage
from inference.cli.command import Command, declare
from inference.cli.group import COMMANDS, UnknownCommand, root


@declare("help", "[COMMAND]", least=0, most=1, environment=())
def command(words: tuple[str, ...]) -> None:
    if not words:
        click.echo(usage.root_help(COMMANDS))
        return
    context = click.Context(root, info_name="hearth")
    found = root.get_command(context, words[0])
    if found is None:
        raise UnknownCommand(words[0])
    assert isinstance(found, Command)
    click.echo(found.get_help(context))
