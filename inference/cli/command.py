"""The kind of command that all modules in `commands/` declare."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from inference.cli import usage
from inference.cli.group import ALIASES, COMMANDS
from inference.cli.terminal import readable

_TRUE, _FALSE = ("1", "t", "true", "yes"), ("0", "f", "false", "no")


class Command(click.Command):
    """A command with cobra's manners: any number of arguments is checked by count, `--flag=false` takes a flag back, and a
    flag may come after the arguments.

    `arguments` is how help names them; `least` and `most` are how many there may be (None: any number). An option with
    `flag_value` and no flag takes its value after `=` only, so that `--think MODEL` does not take the model for it. `completes`
    gives the words that begin with what was typed.
    """

    def __init__(
        self,
        name: str,
        *,
        arguments: str,
        least: int,
        most: int | None,
        environment: tuple[str, ...] = ("OLLAMA_HOST",),
        completes: Callable[[str], list[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name, help=COMMANDS[name], context_settings={"help_option_names": ["-h", "--help"]}, **options)
        self.arguments = arguments
        self.least, self.most = least, most
        self.environment = environment
        self.params.append(click.Argument(["words"], nargs=-1, shell_complete=_completer(completes)))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with usage.cobra_errors(self):
            rest = super().parse_args(ctx, self._normalised(args))
        if not ctx.resilient_parsing:
            ctx.params["words"] = tuple(map(readable, ctx.params["words"]))
            self._check_count(len(ctx.params["words"]))
        return rest

    def get_help(self, ctx: click.Context) -> str:
        aliases = [alias for alias, name in ALIASES.items() if name == self.name]
        return usage.command_help(self, self.arguments, aliases, self.environment)

    def _normalised(self, args: list[str]) -> list[str]:
        options = {name: option for option in self.params if isinstance(option, click.Option) for name in option.opts}
        result: list[str] = []
        for position, argument in enumerate(args):
            if argument == "--":
                return [*result, *args[position:]]
            name, equals, value = argument.partition("=")
            option = options.get(name)
            if option is not None and option.is_flag and equals and value.lower() in _TRUE + _FALSE:
                result += [name] if value.lower() in _TRUE else []
            elif option is not None and not option.is_flag and "optional" in (option.metavar or "") and not equals:
                result.append(f"{name}=true")
            else:
                result.append(argument)
        return result

    def _check_count(self, given: int) -> None:
        if self.least == self.most and given != self.least:
            raise click.ClickException(f"accepts {self.least} arg(s), received {given}{self._hint()}")
        if given < self.least:
            raise click.ClickException(f"requires at least {self.least} arg(s), only received {given}{self._hint()}")
        if self.most is not None and given > self.most:
            raise click.ClickException(f"accepts at most {self.most} arg(s), received {given}{self._hint()}")

    def _hint(self) -> str:
        return f": hearth {self.name} {self.arguments}".rstrip()


def _completer(completes: Callable[[str], list[str]] | None) -> Callable[..., list[CompletionItem]] | None:
    if completes is None:
        return None
    return lambda context, parameter, typed: [CompletionItem(word) for word in completes(typed)]


def declare(name: str, arguments: str = "", **options: Any) -> Callable[[Callable[..., None]], Command]:
    """Makes a function a `Command`. It is called with `words` and each option by its name."""

    def decorate(function: Callable[..., None]) -> Command:
        params = list(reversed(getattr(function, "__click_params__", [])))
        return Command(name, arguments=arguments, callback=function, params=params, **options)

    return decorate
