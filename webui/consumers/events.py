"""What a page may say on its socket, checked as it is read."""

from typing import Annotated
from uuid import UUID

import msgspec

#: Far more than any answer has characters; keeps numbers within what every part can hold.
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class Attach(msgspec.Struct, tag="generation.attach", frozen=True):
    """Show `message` from `offset` on, in frames that begin with `stream`; `thought` characters of its thinking are there."""

    stream: _Number
    message: UUID
    offset: _Number = 0
    thought: _Number = 0


class Detach(msgspec.Struct, tag="generation.detach", frozen=True):
    """The page no longer shows `stream`; the answer itself goes on."""

    stream: _Number


class Stop(msgspec.Struct, tag="generation.stop", frozen=True):
    """End the answer `message`; what is there is kept."""

    message: UUID


class Ping(msgspec.Struct, tag="ping", frozen=True):
    """Are you there?"""


Action = Attach | Detach | Stop | Ping
_decoder: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)


def parse_action(text: str) -> Action | None:
    """None for anything that is not one of the actions above."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
