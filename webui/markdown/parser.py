"""The Markdown Hearth reads: CommonMark with tables, strikethrough, task lists, footnotes and formulas; raw HTML is text."""

from functools import cache

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from webui.markdown.footnotes import install_footnotes
from webui.markdown.html_renderer import HtmlRenderer
from webui.markdown.limits import install_limits
from webui.markdown.links import install_links
from webui.markdown.math_rules import install_math_rules


@cache
def parser() -> MarkdownIt:
    """Return the one parser; it keeps nothing between texts."""
    options = {"html": False, "linkify": False, "typographer": False, "breaks": True, "tasklists": True, "maxNesting": 100}
    made = MarkdownIt("js-default", options, renderer_cls=HtmlRenderer)
    # Inline notes `^[…]` parse their content by recursion without a bound, and no model writes them.
    made.use(footnote_plugin, inline=False)
    install_footnotes(made)
    install_math_rules(made)
    install_limits(made)
    install_links(made)
    return made
