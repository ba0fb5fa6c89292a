"""`/set …`"""

from collections.abc import Callable
from typing import Any

import click

from inference.cli.chat import texts
from inference.cli.chat.quoting import unquoted
from inference.cli.chat.session import Session
from inference.cli.terminal import visible
from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.parameters import LISTS, read_parameter

LEVELS = ("high", "medium", "low", "max")


def set_variable(session: Session, rest: str, set_history: Callable[[bool], None]) -> None:
    """`rest` is what stands after `/set`."""
    what, _, value = rest.strip().partition(" ")
    match what:
        case "":
            click.echo(texts.SET)
        case "parameter":
            _set_parameter(session, value)
        case "system":
            _set_system(session, value)
        case "history" | "nohistory":
            set_history(what == "history")
        case "wordwrap" | "nowordwrap":
            session.has_wordwrap = what == "wordwrap"
            click.echo(f"Set '{what}' mode.")
        case "verbose" | "quiet":
            session.is_verbose = what == "verbose"
            click.echo(f"Set '{what}' mode.")
        case "format" | "noformat":
            _set_format(session, value if what == "format" else None)
        case "think" | "nothink":
            _set_think(session, value.strip() if what == "think" else None)
        case _:
            click.echo(texts.unknown(visible(f"/set {what}")))


def _set_parameter(session: Session, rest: str) -> None:
    name, *values = rest.split() or [""]
    if not values:
        click.echo(texts.PARAMETERS)
        return
    parsed: Any
    try:
        if name in LISTS:
            parsed = [read_parameter(name, value) for value in values]
        elif len(values) > 1:
            raise ModelfileError(f"'{name}' takes one value")
        else:
            parsed = read_parameter(name, values[0])
    except ModelfileError as error:
        click.echo(visible(f"Couldn't set parameter: {error}"))
        return
    session.options[name] = parsed
    click.echo(visible(f"Set parameter '{name}' to '{', '.join(values)}'"))


def _set_system(session: Session, rest: str) -> None:
    if not rest.strip():
        click.echo(texts.SET)
        return
    session.system = unquoted(rest)
    click.echo("Set system message.")


def _set_format(session: Session, value: str | None) -> None:
    if value is None:
        session.format = ""
        click.echo("Disabled format.")
    elif value.strip() == "json":
        session.format = "json"
        click.echo("Set format to 'json' mode.")
    else:
        click.echo("Invalid or missing format. For 'json' mode use '/set format json'")


def _set_think(session: Session, level: str | None) -> None:
    if level is None:
        session.think = False
        click.echo("Set 'nothink' mode.")
    elif level and level not in LEVELS:
        click.echo(visible(f"Unknown level '{level}': use {', '.join(LEVELS)}, or none"))
        return
    else:
        session.think = level or True
        click.echo(f"Set 'think' mode to '{level}'." if level else "Set 'think' mode.")
    if session.think and "thinking" not in (session.description.get("capabilities") or []):
        click.echo(visible(f"Warning: model '{session.model}' does not support thinking"), err=True)
