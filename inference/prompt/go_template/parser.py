"""Tokens to the trees of a template and of the templates that it defines; text/template/parse of Go's standard library."""

from dataclasses import dataclass, field

from inference.prompt.go_template.functions import FUNCTIONS
from inference.prompt.go_template.lexer import tokens_of
from inference.prompt.go_template.nodes import Action, Branch, Jump, Node, TemplateCall, Text
from inference.prompt.go_template.pipelines import PipelineParser


@dataclass(slots=True)
class ParsedTemplate:
    """`root` is what is rendered; `defined` holds what `define` and `block` name."""

    root: list[Node]
    defined: dict[str, list[Node]] = field(default_factory=dict)


def parse(source: str) -> ParsedTemplate:
    """Raises `GoTemplateError`."""
    return _Parser(source).run()


def _is_empty(nodes: list[Node]) -> bool:
    return all(isinstance(node, Text) and not node.text.strip() for node in nodes)


class _Parser(PipelineParser):
    def __init__(self, source: str) -> None:
        super().__init__(source, tokens_of(source), functions=frozenset(FUNCTIONS))
        self._defined: dict[str, list[Node]] = {}
        self._num_open_ranges = 0

    def run(self) -> ParsedTemplate:
        root, ending = self._nodes(is_top=True)
        if ending:
            raise self.error(f"unexpected {{{{{ending}}}}}")
        return ParsedTemplate(root, self._defined)

    def _nodes(self, *, is_top: bool = False) -> tuple[list[Node], str]:
        """Up to and with the `end` or `else` that ends them (of an `else`, its keyword only), or the end of the source: ""."""
        nodes: list[Node] = []
        while self.peek().kind != "end":
            token = self.next()
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            if token.kind != "open":
                raise self.unexpected(token, "input")
            keyword = self.next_visible() if self.peek_visible().kind == "keyword" else None
            if keyword is None:
                nodes.append(Action(self.pipeline("command")))
            elif keyword.text in ("end", "else"):
                if keyword.text == "end":
                    self.close("end")
                return nodes, keyword.text
            elif keyword.text == "define":
                self._define(is_top)
            else:
                nodes.append(self._statement(keyword.text))
        if not is_top:
            raise self.error("unexpected end of the template: an {{end}} is missing")
        return nodes, ""

    def _body(self) -> tuple[list[Node], str]:
        with self.deeper():
            return self._nodes()

    def _statement(self, keyword: str) -> Node:
        match keyword:
            case "if" | "with" | "range":
                return self._branch(keyword)
            case "template":
                name = self.template_name("template clause")
                pipe = None if self.peek_visible().kind == "close" else self.pipeline("template clause", closes=False)
                self.close("template clause")
                return TemplateCall(name, pipe)
            case "block":
                name = self.template_name("block clause")
                pipe = self.pipeline("block clause")
                self._add_definition(name)
                return TemplateCall(name, pipe)
        if not self._num_open_ranges:
            raise self.error(f"{{{{{keyword}}}}} outside {{{{range}}}}")
        self.close(keyword)
        return Jump(keyword)

    def _branch(self, keyword: str) -> Branch:
        num_variables = len(self.variables)
        pipe = self.pipeline(keyword)
        self._num_open_ranges += keyword == "range"
        body, ending = self._body()
        self._num_open_ranges -= keyword == "range"
        otherwise: list[Node] = []
        if ending == "else":
            otherwise = self._otherwise(keyword)
        del self.variables[num_variables:]
        return Branch(keyword, pipe, body, otherwise)

    def _otherwise(self, keyword: str) -> list[Node]:
        following = self.peek_visible()
        if following.kind == "keyword" and following.text == keyword and keyword in ("if", "with"):
            self.next_visible()
            with self.deeper():
                return [self._branch(keyword)]
        self.close("else")
        nodes, ending = self._body()
        if ending != "end":
            raise self.error("expected {{end}}, found {{else}}")
        return nodes

    def _define(self, is_top: bool) -> None:
        if not is_top:
            raise self.error("unexpected {{define}}")
        name = self.template_name("define clause")
        self.close("define clause")
        self._add_definition(name)

    def _add_definition(self, name: str) -> None:
        """Its body is yet to be read, with variables and loops of its own."""
        variables, num_open_ranges = self.variables, self._num_open_ranges
        self.variables, self._num_open_ranges = ["$"], 0
        body, ending = self._body()
        self.variables, self._num_open_ranges = variables, num_open_ranges
        if ending != "end":
            raise self.error(f"unexpected {{{{{ending}}}}} in the template {name!r}")
        if not _is_empty(self._defined.get(name, [])) and not _is_empty(body):
            raise self.error(f"multiple definition of the template {name!r}")
        if not _is_empty(body) or name not in self._defined:
            self._defined[name] = body
