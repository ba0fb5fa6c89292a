"""Images in request bodies: base64, as Ollama's clients send them; data: URLs are tolerated."""

import base64
import binascii
from collections.abc import Sequence

from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest
from inference.image_file import read_header
from inference.library.models import InstalledModel

#: Of one request. Each is decoded before anything is computed.
MAX_IMAGES = 16
MAX_IMAGE_BYTES = 20 * 1024 * 1024
_SCHEME, _ENCODING = "data:", ";base64"


def check_images(asked_model: str, model: InstalledModel, images: Sequence[str]) -> None:
    """Raises `InvalidRequest` for a model that sees none."""
    if images and not model.has("projector"):
        raise InvalidRequest(f'"{asked_model}" does not support images')


def read_message_images(messages: Sequence[MessageBody]) -> list[list[bytes]]:
    """The files of each message. Raises `InvalidRequest` naming the field at fault."""
    _check_count(sum(len(message.images) for message in messages))
    return [read_images(message.images, f"messages[{index}].images") for index, message in enumerate(messages)]


def read_images(images: Sequence[str], field: str) -> list[bytes]:
    """Files whose headers say that they can be read. Raises `InvalidRequest` naming the one at fault."""
    _check_count(len(images))
    return [_read_image(image, f"{field}[{index}]") for index, image in enumerate(images)]


def _check_count(count: int) -> None:
    if count > MAX_IMAGES:
        raise InvalidRequest(f"the request has {count} images; at most {MAX_IMAGES} are possible")


def _read_image(text: str, field: str) -> bytes:
    try:
        content = base64.b64decode("".join(_without_scheme(text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"{field} must be an image in base64", field) from None
    if len(content) > MAX_IMAGE_BYTES:
        raise InvalidRequest(f"{field} is larger than {MAX_IMAGE_BYTES // 1024**2} MiB", field)
    try:
        read_header(content)
    except InvalidRequest as error:
        raise InvalidRequest(f"{field} cannot be used: {error}", field) from None
    return content


def _without_scheme(text: str) -> str:
    if text[: len(_SCHEME)].lower() != _SCHEME:
        return text
    head, comma, encoded = text.partition(",")
    if not comma or not head.lower().endswith(_ENCODING):
        raise ValueError(head)
    return encoded
