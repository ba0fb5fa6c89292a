"""`hearth` itself: which commands there are, and what it prints when none is named.

The table is all that is known of a command until it is asked for: `hearth list` does not load what `hearth run` needs.
"""

import importlib
from typing import Any

import click

from inference.cli import usage
from inference.cli.suggestions import did_you_mean

#: In the order in which help shows them.
COMMANDS = {
    "serve": "Start hearth",
    "create": "Create a model from a Modelfile",
    "show": "Show information for a model",
    "run": "Run a model",
    "stop": "Stop a running model",
    "pull": "Pull a model from a registry",
    "push": "Push a model to a registry",
    "login": "Sign in at a private registry",
    "logout": "Forget how to sign in at a private registry",
    "list": "List models",
    "ps": "List running models",
    "cp": "Copy a model",
    "rm": "Remove a model",
    "bench": "Measure how fast a model is here",
    "optimise": "Write a model anew as this machine runs it fastest",
    "completion": "Generate the autocompletion script for the specified shell",
    "help": "Help about any command",
}
ALIASES = {"ls": "list", "start": "serve"}
#: Ollama's own commands that need its company's servers.
_ELSEWHERE = ("signin", "signout", "launch")


class UnknownCommand(click.ClickException):
    def __init__(self, name: str) -> None:
        if name in _ELSEWHERE:
            super().__init__(f"'{name}' belongs to ollama.com's accounts, which Hearth does not need")
            return
        super().__init__(f'unknown command "{name}" for "hearth"{did_you_mean(name, [*COMMANDS, *ALIASES])}')


class Root(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"inference.cli.commands.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            if args[0].startswith("-"):
                raise usage.unknown_flag(args[0])
            raise UnknownCommand(args[0])
        return args[0], command, args[1:]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(usage.root_usage(COMMANDS), nl=False)
            ctx.exit()
        with usage.cobra_errors(self):
            return super().parse_args(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return usage.root_help(COMMANDS)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        from inference.cli.commands.version import print_version

        print_version()
        ctx.exit()


root = Root(
    "hearth",
    params=[
        click.Option(
            ["-v", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show version information",
        )
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
