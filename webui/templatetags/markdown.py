"""`{{ text|markdown }}`: Markdown as safe HTML."""

from django import template
from django.utils.safestring import SafeString

from webui.markdown import render

register = template.Library()


@register.filter(is_safe=True)
def markdown(text: str) -> SafeString:
    """Return a message's text as sanitised HTML."""
    return render(text)
