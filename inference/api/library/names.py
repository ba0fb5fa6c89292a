"""Model names as requests give them."""

from inference.errors import InvalidRequest
from inference.library.names import InvalidName, ModelName, parse_name


def require_name(asked: str, *, refusal: str) -> ModelName:
    """Raises `InvalidRequest` with this refusal when the text is no model name."""
    try:
        return parse_name(asked)
    except InvalidName:
        raise InvalidRequest(refusal) from None


def quoted(text: str) -> str:
    """The text in double quotes, cut where it is longer than any name."""
    return f'"{text[:400]}"'
