"""What a model can be asked for here, and which templates write its prompts."""

import contextlib

from inference.api.runtime import Runtime
from inference.library.errors import LibraryError
from inference.library.models import InstalledModel
from inference.prompt.choice import Templates

#: What follows from the template that is used.
_OF_TEMPLATES = ("insert", "tools", "thinking")
_SERVED = ("completion", "embedding", "rerank", "vision", *_OF_TEMPLATES)


def templates_of(runtime: Runtime, model: InstalledModel) -> Templates:
    """Raises `LibraryError`."""
    library, prefers_go = runtime.library, runtime.settings.go_template
    jinja = library.metadata(model).values.get("tokenizer.chat_template")
    return Templates(library.defaults(model).template or None, jinja if isinstance(jinja, str) and jinja else None, prefers_go)


def served_capabilities(runtime: Runtime, model: InstalledModel) -> list[str]:
    """Of the model's capabilities, those that Hearth can serve; clients take them at their word. None for a model whose files
    cannot be read: what is wrong with them is told to whoever uses it."""
    with contextlib.suppress(LibraryError):
        found = [name for name in runtime.library.capabilities(model) if name in _SERVED]
        if not set(_OF_TEMPLATES).intersection(found):
            return found
        templates = templates_of(runtime, model)
        missing = {"tools"} if not templates.know_tools else set()
        missing |= {"thinking"} if not templates.know_thinking else set()
        return [name for name in found if name not in missing]
    return []
