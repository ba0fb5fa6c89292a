"""Which of a model's two templates writes a prompt: the TEMPLATE of its Modelfile or the Jinja template in its file."""

from dataclasses import dataclass

from inference.prompt.parsing import AnswerSyntax, syntax_of


@dataclass(frozen=True, slots=True)
class Chosen:
    """`go` is None where the Jinja template is to be used."""

    go: str | None
    syntax: AnswerSyntax


@dataclass(frozen=True, slots=True)
class Templates:
    """What a model comes with; None for what it does not."""

    go: str | None = None
    jinja: str | None = None
    #: Of `OLLAMA_GO_TEMPLATE`: one of them is always taken where both are there. None: see `choose`.
    prefers_go: bool | None = None

    def choose(self, *, tools: bool = False, thinking: bool = False) -> Chosen:
        """The TEMPLATE, unless a request needs what only the other one offers: tools, or thinking."""
        if self.go is None or (self.jinja is not None and not self._takes_go(tools=tools, thinking=thinking)):
            return Chosen(None, syntax_of(None, self.jinja))
        return Chosen(self.go, syntax_of(self.go, None))

    def _takes_go(self, *, tools: bool, thinking: bool) -> bool:
        if self.prefers_go is not None:
            return self.prefers_go
        go, jinja = syntax_of(self.go, None), syntax_of(None, self.jinja)
        lacks_tools = tools and jinja.knows_tools and not go.knows_tools
        lacks_thinking = thinking and jinja.knows_thinking and not go.knows_thinking
        return not lacks_tools and not lacks_thinking

    @property
    def know_tools(self) -> bool:
        return self.choose(tools=True).syntax.knows_tools

    @property
    def know_thinking(self) -> bool:
        return self.choose(thinking=True).syntax.knows_thinking

    @property
    def know_infill(self) -> bool:
        return self.choose().syntax.knows_infill
