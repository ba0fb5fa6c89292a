"""What of a running answer can be shown as final already."""

from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString

from webui.markdown import BlockStream
from webui.models import Message
from webui.services.generation.registry import registry

register = template.Library()


@dataclass(frozen=True)
class ShownBlocks:
    """`html` of the blocks closed so far, sanitised; `offset` is where the socket goes on. `thinking` so far is plain text."""

    html: SafeString
    offset: int
    thinking: str


@register.simple_tag
def message_blocks(message: Message) -> ShownBlocks:
    """From the live stream; from the row's text where this process has none."""
    stream = registry.store.peek(message.pk)
    is_live = stream is not None and stream.ending is None
    blocks = stream.blocks if stream is not None and is_live else BlockStream(message.content)
    html, offset = blocks.closed_html()
    return ShownBlocks(html, offset, stream.thinking if stream is not None and is_live else message.thinking)
