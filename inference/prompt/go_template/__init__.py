"""Go's text/template, as far as Ollama's templates use it. They come from strangers: time, size and depth are bounded, and
nothing but `GoTemplateError` is raised."""

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.template import GoTemplate

__all__ = ["GoTemplate", "GoTemplateError"]
