import base64

import pytest

from inference.api import images
from inference.api.images import read_images, read_message_images
from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest
from tests.inference.pictures import png, png_of

FILE = png()
TEXT = base64.b64encode(FILE).decode()


@pytest.mark.parametrize(
    "text",
    [TEXT, f"data:image/png;base64,{TEXT}", f"DATA:image/png;name=a.png;BASE64,{TEXT}", f" {TEXT[:20]}\r\n{TEXT[20:]}\n"],
    ids=["base64", "data URL", "data URL with a name", "in lines"],
)
def test_image_in_any_spelling_is_read(text: str) -> None:
    assert read_images([text], "images") == [FILE]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "images[1] cannot be used: it is no image of a known format; PNG, JPEG, GIF and BMP can be read"),
        ("!!!", "images[1] must be an image in base64"),
        (TEXT[:-3], "images[1] must be an image in base64"),
        (TEXT + "\u00e9", "images[1] must be an image in base64"),
        ("https://a.example/cat.png", "images[1] must be an image in base64"),
        (f"data:image/png,{TEXT}", "images[1] must be an image in base64"),
        ("data:image/png;base64", "images[1] must be an image in base64"),
        ("aGk=", "images[1] cannot be used: it is no image of a known format; PNG, JPEG, GIF and BMP can be read"),
        (
            base64.b64encode(b"RIFF\0\0\0\0WEBPVP8 ").decode(),
            "images[1] cannot be used: it is a WebP file; PNG, JPEG, GIF and BMP can be read",
        ),
        (
            base64.b64encode(png_of(50_000, 50_000, b"")).decode(),
            "images[1] cannot be used: it has 50000 x 50000 pixels; at most 40 megapixels and 16384 a side can be read",
        ),
    ],
)
def test_image_that_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_images([TEXT, text], "images")

    assert str(caught.value) == message


def test_image_of_a_message_is_named_with_its_message() -> None:
    with pytest.raises(InvalidRequest, match=r"^messages\[1\]\.images\[0\] must be an image in base64$"):
        read_message_images([MessageBody(role="user", images=[TEXT]), MessageBody(role="user", images=["?"])])


def test_images_are_counted_over_all_messages() -> None:
    messages = [MessageBody(role="user", images=[TEXT] * 8)] * 2
    assert read_message_images(messages) == [[FILE] * 8] * 2

    with pytest.raises(InvalidRequest, match="the request has 24 images; at most 16 are possible"):
        read_message_images([*messages, messages[0]])


def test_image_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", 1024 * 1024)

    with pytest.raises(InvalidRequest, match=r"images\[0\] is larger than 1 MiB"):
        read_images([base64.b64encode(FILE + bytes(1024 * 1024)).decode()], "images")
