"""`hearth completion bash|zsh|fish`"""

import click
from click.shell_completion import get_completion_class

from inference.cli.command import declare
from inference.cli.errors import CommandError
from inference.cli.group import root

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_HEARTH_COMPLETE"


def _complete_shells(prefix: str) -> list[str]:
    return [shell for shell in SHELLS if shell.startswith(prefix)]


@declare("completion", "bash|zsh|fish", least=1, most=1, environment=(), completes=_complete_shells)
def command(words: tuple[str, ...]) -> None:
    kind = get_completion_class(words[0]) if words[0] in SHELLS else None
    if kind is None:
        raise CommandError(f"there is no completion for '{words[0]}', only for {', '.join(SHELLS)}")
    # What click writes into the script is the name of the program and of the variable; it asks us for the rest.
    script = kind(root, {}, "hearth", VARIABLE)
    click.echo(script.source_template % script.source_vars())
