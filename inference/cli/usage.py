"""Help and mistakes in the shape that users of `ollama` know, which is that of Go's cobra library."""

import contextlib
from collections.abc import Iterator, Mapping

import click

DESCRIPTION = "Large language model runner"
_NAME_WIDTH = 11
_ENVIRONMENT = {
    "OLLAMA_HOST": "IP address of the server (default 127.0.0.1:11434)",
    "OLLAMA_MODELS": "The path to the models directory",
    "OLLAMA_KEEP_ALIVE": 'The duration that models stay loaded in memory (default "5m")',
    "OLLAMA_MAX_LOADED_MODELS": "Maximum number of loaded models",
    "OLLAMA_MAX_QUEUE": "Maximum number of queued requests",
    "OLLAMA_NUM_PARALLEL": "Maximum number of parallel requests of one model",
    "OLLAMA_CONTEXT_LENGTH": "Context length to use unless otherwise specified (default 4096)",
    "OLLAMA_ORIGINS": "A comma separated list of allowed origins",
    "OLLAMA_LOAD_TIMEOUT": 'How long to allow model loads to stall before giving up (default "5m")',
    "OLLAMA_FLASH_ATTENTION": "Enables flash attention",
    "OLLAMA_KV_CACHE_TYPE": "Quantization type for the K/V cache (default f16)",
    "OLLAMA_DEBUG": "Show additional debug information (e.g. OLLAMA_DEBUG=1)",
    "OLLAMA_NOHISTORY": "Do not preserve the history of what was typed",
    "OLLAMA_EDITOR": "Editor that Ctrl + g opens (default VISUAL, then EDITOR)",
    "HEARTH_DATA": "The directory of everything Hearth keeps",
    "HEARTH_PORT": "Port of the web site (default 3000)",
}


def root_usage(commands: Mapping[str, str]) -> str:
    listed = "\n".join(f"  {name:<{_NAME_WIDTH}} {summary}" for name, summary in commands.items())
    return (
        f"Usage:\n  hearth [flags]\n  hearth [command]\n\nAvailable Commands:\n{listed}\n\n"
        "Flags:\n  -h, --help      help for hearth\n  -v, --version   Show version information\n\n"
        'Use "hearth [command] --help" for more information about a command.\n'
    )


def root_help(commands: Mapping[str, str]) -> str:
    return f"{DESCRIPTION}\n\n{root_usage(commands)}".rstrip("\n")


def command_help(command: click.Command, arguments: str, aliases: list[str], environment: tuple[str, ...]) -> str:
    usage = " ".join(part for part in ("hearth", command.name, arguments, "[flags]") if part)
    parts = [command.help or "", f"Usage:\n  {usage}"]
    if aliases:
        parts.append(f"Aliases:\n  {', '.join([command.name or '', *aliases])}")
    parts.append("Flags:\n" + _flags(command))
    if environment:
        width = max(map(len, environment))
        parts.append(
            "Environment Variables:\n" + "\n".join(f"      {name:<{width}}   {_ENVIRONMENT[name]}" for name in environment)
        )
    return "\n\n".join(parts)


def _flags(command: click.Command) -> str:
    rows = [("-h", "--help", f"help for {command.name}")]
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            short = next((name for name in option.opts if not name.startswith("--")), "")
            long = next(name for name in option.opts if name.startswith("--"))
            kind = "" if option.is_flag else f" {option.metavar or 'string'}"
            rows.append((short, long + kind, option.help or ""))
    rows.sort(key=lambda row: row[1])
    width = max(len(long) for _, long, _ in rows)
    return "\n".join(f"  {short + ', ' if short else '    '}{long:<{width}}   {text}" for short, long, text in rows)


def unknown_flag(name: str) -> click.ClickException:
    return click.ClickException(f"unknown flag: {name.partition('=')[0]}")


@contextlib.contextmanager
def cobra_errors(command: click.Command) -> Iterator[None]:
    """click's errors about the command line, in cobra's words."""
    try:
        yield
    except click.NoSuchOption as error:
        close = f". Did you mean '{error.possibilities[0]}'?" if error.possibilities else ""
        raise click.ClickException(f"unknown flag: {error.option_name}{close}") from None
    except click.BadOptionUsage as error:
        if "requires" in error.message and "argument" in error.message:
            raise click.ClickException(f"flag needs an argument: {error.option_name}") from None
        raise click.ClickException(f"{error.option_name}: {error.message}") from None
