"""Markdown to safe HTML, whole or block by block while it is still being written.

What a model or a person wrote is hostile until it has passed `sanitizer.sanitize`, the last step of every path here.
The parser, the highlighter and the formula converter are imported at the first use, not at start.
"""

from webui.markdown.rendering import render
from webui.markdown.stream import BlockStream, ClosedBlock
from webui.markdown.view import BlockView

__all__ = ["BlockStream", "BlockView", "ClosedBlock", "render"]
