"""What models are, in words."""

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()
#: Ollama's words for what a model can do, and ours; a word that is not here is shown as it is.
CAPABILITIES = {
    "completion": _("Chat"),
    "tools": _("Tools"),
    "thinking": _("Thinking"),
    "vision": _("Images"),
    "audio": _("Audio"),
    "embedding": _("Embeddings"),
    "rerank": _("Reranking"),
    "insert": _("Fill-in"),
}


@register.filter
def capability(word: str) -> str:
    return str(CAPABILITIES.get(word, word))


@register.filter
def clock(seconds: int) -> str:
    """4:32, or 1:04:32."""
    minutes, seconds = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def percent(fraction: float) -> int:
    return round(fraction * 100)
