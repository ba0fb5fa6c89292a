"""A Go template that is read once and rendered often."""

from collections.abc import Mapping
from typing import Any

from inference.prompt.go_template.errors import GoTemplateError
from inference.prompt.go_template.nodes import Node, names_in, operands_in
from inference.prompt.go_template.parser import parse
from inference.prompt.go_template.renderer import Renderer

RENDER_SECONDS = 5.0


class GoTemplate:
    """Raises `GoTemplateError` for a source that cannot be read."""

    def __init__(self, source: str) -> None:
        try:
            parsed = parse(source)
        except RecursionError:
            raise GoTemplateError("is nested too deeply") from None
        self.root = parsed.root
        self.defined = parsed.defined

    def names(self) -> frozenset[str]:
        """Fields that it asks for anywhere, in lower case."""
        bodies: list[list[Node]] = [self.root, *self.defined.values()]
        return frozenset(name.lower() for body in bodies for operand in operands_in(body) for name in names_in(operand))

    def render(self, data: Mapping[str, Any], *, root: list[Node] | None = None, seconds: float = RENDER_SECONDS) -> str:
        """With another `root` in place of its own, if one is given. Raises `GoTemplateError`."""
        return Renderer(self.defined, seconds=seconds).render(self.root if root is None else root, data)
