"""Paths of images in what people write, for models that see."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

import click

from inference.cli.errors import CommandError
from inference.cli.paths import exists, typed_path
from inference.cli.terminal import visible

#: In quotes, or with blanks escaped, as terminals paste the path of a file that is dropped on them.
_PATH = re.compile(
    r"""(?P<quote>["'])(?P<quoted>[^"'\n]+?\.(?:jpe?g|png|webp|gif|bmp))(?P=quote)
    | (?P<bare>(?:~?/|\.{1,2}/|[A-Za-z]:\\)(?:\\.|[^\s\\])+?\.(?:jpe?g|png|webp|gif|bmp))(?=\s|$|[,;:)?!，。])""",
    re.IGNORECASE | re.VERBOSE,
)
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Attachment:
    path: Path
    base64: str


def take_images(text: str) -> tuple[str, list[Attachment]]:
    """The text without the paths of images that exist, and those images. Raises `CommandError` for one that cannot be read."""
    attachments: list[Attachment] = []

    def take(match: re.Match[str]) -> str:
        written = match["quoted"] or re.sub(r"\\(.)", r"\1", match["bare"])
        path = typed_path(written)
        if not exists(path) or not path.is_file():
            return match[0]
        attachments.append(_read(path))
        click.echo(visible(f"Added image '{written}'"), err=True)
        return ""

    return _PATH.sub(take, text).strip(), attachments


def _read(path: Path) -> Attachment:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CommandError(f"the image {path} is larger than {_MAX_BYTES // 1024**2} MiB")
        return Attachment(path, base64.b64encode(path.read_bytes()).decode())
    except OSError as error:
        raise CommandError(f"the image {path} cannot be read: {error.strerror}") from None
