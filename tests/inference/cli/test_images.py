import base64
from pathlib import Path

import pytest

from inference.cli.chat.images import take_images
from inference.cli.errors import CommandError


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "my cat.png"
    path.write_bytes(b"picture")
    return path


def test_paths_of_images_become_attachments(picture: Path) -> None:
    escaped = str(picture).replace(" ", r"\ ")

    text, attachments = take_images(f"What is in {escaped}, and in '{picture}'?")

    assert text == "What is in , and in ?"
    assert [(attachment.path, base64.b64decode(attachment.base64)) for attachment in attachments] == [(picture, b"picture")] * 2


@pytest.mark.parametrize("text", ["What is /no/such/file.png?", "cat.png", "see https://example.org/a.png", "either/or.jpg"])
def test_what_is_no_file_here_stays_text(text: str) -> None:
    assert take_images(text) == (text, [])


@pytest.mark.parametrize("text", ["What is '~nobody-here/a.png'?", f"Look at '{'long ' * 100}.png'.", "'a\0b.png'"])
def test_what_can_be_no_files_name_stays_text(text: str) -> None:
    assert take_images(text) == (text, [])


def test_image_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)

    with pytest.raises(CommandError, match="larger than 64 MiB"):
        take_images(f"Look: {path}")
