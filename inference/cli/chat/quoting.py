"""Three double quotes around a text of several lines."""

QUOTES = '"""'
_SYSTEM = "/set system "


def is_open(text: str) -> bool:
    """Whether a text of several lines was begun and its end is still to come."""
    body = _body(text)
    return body.startswith(QUOTES) and (len(body) < 2 * len(QUOTES) or not body.rstrip().endswith(QUOTES))


def unquoted(text: str) -> str:
    """The text without three, or one, quotes around it."""
    stripped = text.strip()
    if stripped.startswith(QUOTES):
        return stripped[len(QUOTES) :].removesuffix(QUOTES)
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
        return stripped[1:-1]
    return stripped


def _body(text: str) -> str:
    """What stands where the quotes may begin."""
    text = text.lstrip()
    return text[len(_SYSTEM) :].lstrip() if text.startswith(_SYSTEM) else text
