"""What a message's header says."""

import re
from dataclasses import dataclass

from inference.harmony import ANALYSIS, CHANNEL, COMMENTARY, CONSTRAIN, FINAL

#: No header is longer; a tool's name is the longest thing in it.
MAX_HEADER = 512
ASSISTANT = "assistant"
_RECIPIENT = re.compile(r"(?:^|\s)to=(.*)", re.DOTALL)
#: Beside the recipient, in headers that name the type of their content without a mark for it.
_TYPE = re.compile(r"\s+(?:json|code)\s*\Z")
_UNFINISHED = re.compile(
    rf"([\w.:/$-]*) ?(?:to=\S*)? ?(?:{re.escape(CHANNEL)} ?([a-z]*)(?: t| to|(?: to=\S*))?)? ?(?:{re.escape(CONSTRAIN)})? ?\w*"
)


@dataclass(frozen=True, slots=True)
class Header:
    """Of a message for the user, where nothing is said."""

    role: str = ASSISTANT
    channel: str = ""
    recipient: str = ""


def read_header(text: str) -> Header:
    """`text` is what stands between `<|start|>`, which may be left out together with the role, and `<|message|>`."""
    text = text.partition(CONSTRAIN)[0]
    before, _, behind = text.partition(CHANNEL)
    recipient = ""
    for part in (before, behind):
        if (found := _RECIPIENT.search(part)) is not None:
            recipient = recipient or _TYPE.sub("", found[1]).strip()
    role = _RECIPIENT.sub("", before).strip() or ASSISTANT
    return Header(role, next(iter(_RECIPIENT.sub("", behind).split()), ""), recipient)


def may_become_header(text: str, *, has_start: bool) -> bool:
    """Whether a header may begin so, or be so; true of every beginning of what it is true of. Without `<|start|>` before it, a
    header begins with a mark, a recipient or the assistant's role, and anything else is text."""
    begun = text.strip()
    if len(text) > MAX_HEADER or "\n" in begun:
        return False
    starts = (ASSISTANT, "to=", CHANNEL, CONSTRAIN)
    return has_start or any(begun.startswith(start) or start.startswith(begun) for start in starts)


def is_unfinished_header(text: str, *, has_start: bool) -> bool:
    """Whether what was cut off before its `<|message|>` says nothing but what a header says."""
    found = _UNFINISHED.fullmatch(" ".join(text.split()))
    if found is None:
        return False
    role, channel = found[1], found[2] or ""
    knows_role = has_start or role in ("", ASSISTANT)
    return knows_role and any(known.startswith(channel) for known in (ANALYSIS, COMMENTARY, FINAL))
