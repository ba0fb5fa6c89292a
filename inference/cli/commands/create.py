"""`hearth create MODEL`"""

import sys
from pathlib import Path

import click

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.components import Components, collect
from inference.cli.errors import CommandError
from inference.cli.paths import typed_path
from inference.cli.progress import ProgressView
from inference.cli.upload import upload
from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.modelfile import Modelfile
from inference.library.modelfile.reader import MAX_BYTES, read_modelfile, read_modelfile_at


@declare("create", "MODEL", least=1, most=1)
@click.option("-f", "--file", default="", help='Name of the Modelfile (default "Modelfile")')
@click.option("-q", "--quantize", default="", help="Quantize model to this level (e.g. q4_K_M)")
def command(words: tuple[str, ...], file: str, quantize: str) -> None:
    modelfile, folder = _read(file)
    client = Client()
    with ProgressView() as view:
        view.update({"status": "gathering model components"})
        components = collect(modelfile, folder)
        for part in components.parts:
            upload(client, part, view)
        view.follow(client.stream("/api/create", _body(words[0], modelfile, components, quantize)))


def _read(file: str) -> tuple[Modelfile, Path]:
    """The Modelfile, and the folder that the paths in it are relative to."""
    try:
        if file == "-":
            return read_modelfile(sys.stdin.buffer.read(MAX_BYTES)), Path.cwd()
        path = typed_path(file or "Modelfile")
        return read_modelfile_at(path), path.absolute().parent
    except FileNotFoundError:
        raise CommandError(f"specified Modelfile wasn't found: {file or 'Modelfile'}") from None
    except OSError as error:
        raise CommandError(f"the Modelfile {file or 'Modelfile'} cannot be read: {error.strerror}") from None
    except ModelfileError as error:
        raise CommandError(str(error)) from None


def _body(model: str, modelfile: Modelfile, components: Components, quantize: str) -> dict[str, object]:
    body = {
        "from": components.base,
        "files": {part.name: part.digest for part in components.files},
        "adapters": {part.name: part.digest for part in components.adapters},
        "draft_files": {part.name: part.digest for part in components.drafts},
        "template": modelfile.template,
        "system": modelfile.system,
        "license": modelfile.licenses,
        "parameters": modelfile.parameters,
        "messages": modelfile.messages,
        "renderer": modelfile.renderer,
        "parser": modelfile.parser,
        "requires": modelfile.requires,
        "quantize": quantize,
    }
    return {"model": model, "stream": True} | {key: value for key, value in body.items() if value}
