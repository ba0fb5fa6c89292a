"""`hearth login REGISTRY`"""

import sys

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.errors import CommandError
from inference.cli.terminal import visible


@declare("login", "REGISTRY", least=1, most=1)
@click.option("-u", "--username", default="", metavar="string", help="Name of the account; none where a token is enough")
@click.option("--password-stdin", is_flag=True, help="Read the password or token from standard input")
@click.option("--insecure", is_flag=True, help="Use an insecure registry")
def command(words: tuple[str, ...], username: str, password_stdin: bool, insecure: bool) -> None:
    """The server keeps it once the registry has accepted it; pulls and pushes use it from then on."""
    if password_stdin:
        password = sys.stdin.read().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise CommandError("there is no terminal to type the password on: use --password-stdin")
    else:
        password = click.prompt("Password or token", hide_input=True, err=True)
    if not password:
        raise CommandError("the password or token is empty")
    body = {"registry": words[0], "username": username, "password": password, "insecure": insecure}
    Client().post("/api/hearth/registries", body)
    click.echo(visible(f"logged in to '{words[0]}'"))
