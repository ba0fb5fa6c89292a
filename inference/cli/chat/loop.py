"""Asks and answers until somebody leaves."""

import click

from inference.cli.chat import texts
from inference.cli.chat.images import take_images
from inference.cli.chat.quoting import unquoted
from inference.cli.chat.session import Session
from inference.cli.chat.slash import Leave, Slash, show_given_messages
from inference.cli.chat.typing import Typing
from inference.cli.errors import CommandError
from inference.cli.spinner import Spinner
from inference.cli.terminal import visible


def converse(session: Session) -> None:
    """Raises `CommandError` when the model cannot even be loaded; later errors are shown and the conversation goes on."""
    with Spinner() as spinner:
        for event in session.load():
            spinner.show(event)
    show_given_messages(session)
    typing = Typing()
    slash = Slash(session, typing.set_history)
    while True:
        try:
            text = typing.read()
        except EOFError:
            return
        except KeyboardInterrupt:
            click.echo(f"\n{texts.LEAVING_HINT}")
            continue
        try:
            _answer(session, slash, text)
        except Leave:
            return
        except CommandError as error:
            click.echo(f"Error: {visible(str(error))}", err=True)
        except KeyboardInterrupt:
            click.echo()


def _answer(session: Session, slash: Slash, text: str) -> None:
    stripped = text.strip()
    if not stripped:
        return
    if stripped.startswith("/") and not _is_path(stripped):
        slash.run(stripped)
        return
    message = unquoted(stripped) if stripped.startswith('"""') else text
    message, attachments = take_images(message) if session.sees_images else (message, [])
    if message or attachments:
        session.say(message, attachments)


def _is_path(text: str) -> bool:
    """Whether the first word is a path, such as that of an image, and not a command: those have one slash."""
    return "/" in text.split(maxsplit=1)[0][1:]
