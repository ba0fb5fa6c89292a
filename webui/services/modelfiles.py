"""A Modelfile written in the browser, as the body of `/api/create`; what is wrong with it is said with its line."""

from typing import Any

from django.utils.translation import gettext as _

from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.parameters import read_parameter
from inference.library.modelfile.reader import Command, read_commands, read_modelfile
from webui.services.errors import DomainError
from webui.services.model_names import model_key


class ModelfileRefused(DomainError):
    """The sentence names the line where it is one; `line` counts from 1, 0 where it is none."""

    code = "modelfile_refused"

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(_("Line %(line)s: %(cause)s") % {"line": line, "cause": cause} if line else cause)
        self.line = line


def creation_of(text: str) -> dict[str, Any]:
    """What `/api/create` is to be told, without the new model's name. Raises ModelfileRefused."""
    _check(_commands(text))
    try:
        modelfile = read_modelfile(text)
    except ModelfileError as error:
        raise ModelfileRefused(0, str(error)) from None
    body: dict[str, Any] = {"from": modelfile.sources[0]}
    optional = {
        "system": modelfile.system,
        "template": modelfile.template,
        "parameters": modelfile.parameters,
        "messages": modelfile.messages,
        "license": modelfile.licenses,
        "renderer": modelfile.renderer,
        "parser": modelfile.parser,
        "requires": modelfile.requires,
    }
    return body | {name: value for name, value in optional.items() if value}


def _commands(text: str) -> list[Command]:
    commands: list[Command] = []
    try:
        commands.extend(read_commands(text))
    except ModelfileError as error:
        line, cause = _place(str(error))
        if not line:
            last = commands[-1].line if commands else 0
            line = next((n for n, words in enumerate(text.split("\n"), 1) if n > last and words.strip()), 0)
            cause = _("this command has no value, or its quotation marks are never closed.")
        raise ModelfileRefused(line, cause) from None
    return commands


def _check(commands: list[Command]) -> None:
    """What the grammar allows and a browser cannot do: files of whoever writes are not on the server."""
    sources = [command for command in commands if command.name == "from"]
    if not sources:
        raise ModelfileRefused(0, _("A Modelfile needs a line such as: FROM qwen3:8b"))
    if len(sources) > 1:
        raise ModelfileRefused(sources[1].line, _("there is a second FROM; a model has one base here."))
    if not model_key(sources[0].value):
        cause = _("FROM has to name a model. To use a file, upload it first, or look under “Files on the server”.")
        raise ModelfileRefused(sources[0].line, cause)
    for command in commands:
        if command.name in ("adapter", "draft"):
            cause = _("%(command)s names a file, which a browser cannot give. Use “hearth create” on the server.")
            raise ModelfileRefused(command.line, cause % {"command": command.name.upper()})
        if command.name == "parameter":
            try:
                read_parameter(command.argument.lower(), command.value)
            except ModelfileError as error:
                raise ModelfileRefused(command.line, str(error)) from None


def _place(message: str) -> tuple[int, str]:
    """The reader writes "(line 3): what is wrong"."""
    head, _colon, cause = message.partition("): ")
    number = head.removeprefix("(line ")
    return (int(number), cause) if head.startswith("(line ") and number.isdecimal() else (0, message)
