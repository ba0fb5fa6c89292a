"""What begins with `/` in a conversation."""

from collections.abc import Callable

import click

from inference.cli.chat import texts
from inference.cli.chat.session import Session
from inference.cli.chat.setting import set_variable
from inference.cli.chat.showing import show
from inference.cli.errors import CommandError, ServerError
from inference.cli.suggestions import suggest_model
from inference.cli.terminal import visible


class Leave(Exception):
    """The conversation is over."""


class Slash:
    """`set_history` switches on and off whether what is typed is remembered."""

    def __init__(self, session: Session, set_history: Callable[[bool], None]) -> None:
        self._session = session
        self._set_history = set_history

    def run(self, line: str) -> None:
        """Raises `Leave`, or `CommandError` when the server refuses."""
        command, _, rest = line.strip().partition(" ")
        argument = rest.strip()
        match command:
            case "/bye" | "/exit":
                raise Leave
            case "/?" | "/help":
                self._help(argument)
            case "/set":
                set_variable(self._session, rest, self._set_history)
            case "/show":
                show(self._session, argument)
            case "/list":
                self._list(argument)
            case "/clear":
                self._session.messages.clear()
                click.echo("Cleared session context")
            case "/load":
                self._load(argument)
            case "/save":
                self._save(argument)
            case _:
                click.echo(texts.unknown(visible(command)))

    def _help(self, topic: str) -> None:
        pages = {
            "": texts.COMMANDS,
            "set": texts.SET,
            "show": texts.SHOW,
            "shortcut": texts.SHORTCUTS,
            "shortcuts": texts.SHORTCUTS,
        }
        click.echo(pages.get(topic.removeprefix("/"), texts.COMMANDS))
        if not topic and self._session.sees_images:
            click.echo(texts.IMAGES)

    def _list(self, prefix: str) -> None:
        from inference.cli.commands.list import print_models

        print_models(self._session.client, prefix)

    def _load(self, name: str) -> None:
        if not name:
            click.echo(texts.LOAD_USAGE)
            return
        click.echo(visible(f"Loading model '{name}'"))
        try:
            description = self._session.client.post("/api/show", {"model": name})
        except ServerError as error:
            if error.status != 404:
                raise
            hint = suggest_model(self._session.client, name)
            raise CommandError(f"Couldn't find model '{name}'{hint}") from None
        other = Session(
            self._session.client,
            name,
            description,
            keep_alive=self._session.keep_alive,
            think=self._session.think if "thinking" in (description.get("capabilities") or []) else None,
        )
        for _ in other.load():
            pass
        # A session that was saved brings its own system message, parameters and messages.
        self._session.model, self._session.description, self._session.think = name, description, other.think
        self._session.messages.clear()
        self._session.options.clear()
        self._session.system = ""
        show_given_messages(self._session)

    def _save(self, name: str) -> None:
        session = self._session
        if not name:
            click.echo(texts.SAVE_USAGE)
            return
        messages = [
            {"role": str(message["role"]), "content": str(message["content"])}
            for message in [*session.given_messages, *session.messages]
        ]
        body = {"system": session.system, "parameters": session.options, "messages": messages}
        given = {key: value for key, value in body.items() if value}
        for _ in session.client.stream("/api/create", {"model": name, "from": session.model, "stream": True, **given}):
            pass
        click.echo(visible(f"Created new model '{name}'"))


def show_given_messages(session: Session) -> None:
    """The conversation that the model brings with it, as if it had been typed here."""
    for message in session.given_messages:
        text = visible(str(message.get("content", "")))
        if message.get("role") == "user":
            click.echo(f">>> {text}")
        elif message.get("role") == "assistant":
            click.echo(f"{text}\n")
