"""How a model marks its thinking and its calls of tools, told from its template."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from inference.grammar.tag_forms import FORMS
from inference.harmony import speaks_harmony
from inference.prompt.go_template import GoTemplate, GoTemplateError
from inference.prompt.go_template.nodes import Action, Branch, Node, Text, names_in, operands_in
from inference.prompt.parsing.thinking import ThinkingTags
from inference.prompt.parsing.tool_calls import COMMON_CLOSERS, COMMON_MARKS, COMMON_SEPARATORS

_MAX_MARK = 64
_THINKING = (ThinkingTags(), ThinkingTags("<seed:think>", "</seed:think>"))


@dataclass(frozen=True, slots=True)
class AnswerSyntax:
    """`thinking` is None for a model that does not think; `tool_marks` stand before calls, besides the common ones."""

    thinking: ThinkingTags | None = None
    tool_marks: tuple[str, ...] = ()
    knows_tools: bool = False
    #: How arguments of calls are written: one of `inference.grammar.tag_forms.FORMS`; empty: as JSON.
    tag_form: str = ""
    #: Can fill in what is missing between two texts, by its template.
    knows_infill: bool = False
    #: Answers in `inference.harmony`, which has its own marks for everything: `thinking` and `tool_marks` say nothing then.
    is_harmony: bool = False

    @property
    def knows_thinking(self) -> bool:
        return self.thinking is not None or self.is_harmony

    @property
    def call_marks(self) -> tuple[str, ...]:
        """What this model's calls begin with; any of the common ones where its template names none, and then JSON that an answer
        begins with may be a call too."""
        return self.tool_marks or COMMON_MARKS

    def shown_texts(self, *, thinking: bool, tools: bool) -> list[str]:
        """Marks that the model may write as tokens which otherwise stay invisible."""
        texts = [self.thinking.opening, self.thinking.closing] if thinking and self.thinking else []
        return [*texts, *self.tool_marks, *COMMON_MARKS, *COMMON_SEPARATORS, *COMMON_CLOSERS] if tools else texts


def syntax_of(go_template: str | None, jinja: str | None) -> AnswerSyntax:
    """Of the template in Go's language, or where there is none of the Jinja template. One that cannot be read is a model
    that knows nothing."""
    syntax = _jinja_syntax(jinja or "") if go_template is None else _go_syntax(go_template)
    if speaks_harmony((jinja or "") if go_template is None else go_template):
        return AnswerSyntax(knows_tools=syntax.knows_tools, knows_infill=syntax.knows_infill, is_harmony=True)
    return syntax


def _jinja_syntax(template: str) -> AnswerSyntax:
    thinking = next((tags for tags in _THINKING if tags.opening in template and tags.closing in template), None)
    knows_tools = "tools" in template or "tool_call" in template
    marks = tuple(mark for mark in COMMON_MARKS if mark in template) if knows_tools else ()
    return AnswerSyntax(
        thinking=thinking,
        tool_marks=marks,
        knows_tools=knows_tools,
        tag_form=_tag_form(template),
    )


@lru_cache(maxsize=1024)
def _go_syntax(source: str) -> AnswerSyntax:
    try:
        template = GoTemplate(source)
    except GoTemplateError:
        return AnswerSyntax()
    names = template.names()
    bodies = [template.root, *template.defined.values()]
    thinking = next((tags for body in bodies if (tags := _thinking_tags(body))), None)
    mark = next((mark for body in bodies if (mark := _tool_mark(body))), "")
    return AnswerSyntax(
        thinking=thinking,
        tool_marks=(mark,) if mark else (),
        knows_tools="tools" in names,
        tag_form=_tag_form(source),
        knows_infill="suffix" in names,
    )


def _tag_form(template: str) -> str:
    if "<seed:tool_call>" in template:
        return "seed"
    return next((name for name, form in FORMS.items() if form.opening in template), "")


def _thinking_tags(nodes: list[Node], *, is_in_messages: bool = False) -> ThinkingTags | None:
    """The texts around `.Thinking`, within the loop over the messages."""
    for node in nodes:
        if isinstance(node, Action) and is_in_messages and _asks_for(node, "Thinking"):
            return _surrounding_tags(nodes)
        if isinstance(node, Branch):
            is_loop = node.keyword == "range" and _pipe_names(node, "Messages")
            for inner in (node.body, node.otherwise):
                tags = _thinking_tags(inner, is_in_messages=is_in_messages or is_loop)
                if tags is not None:
                    return tags
    return None


def _surrounding_tags(nodes: list[Node]) -> ThinkingTags | None:
    opening, closing = (node.text.strip() if isinstance(node, Text) else "" for node in (nodes[0], nodes[-1]))
    return ThinkingTags(opening, closing) if opening and closing and max(len(opening), len(closing)) <= _MAX_MARK else None


def _tool_mark(nodes: list[Node]) -> str:
    """The text before the calls of an earlier answer; empty where JSON stands alone."""
    for branch in _branches(nodes):
        if _pipe_names(branch, "ToolCalls"):
            text = next(_texts(branch.body), "").replace("\r\n", "\n").partition("{")[0].strip()
            mark = text.removesuffix("[").rstrip()
            return mark if len(mark) <= _MAX_MARK else ""
    return ""


def _branches(nodes: list[Node]) -> Iterator[Branch]:
    for node in nodes:
        if isinstance(node, Branch):
            yield node
            yield from _branches(node.body)
            yield from _branches(node.otherwise)


def _texts(nodes: list[Node]) -> Iterator[str]:
    """Texts that are not blank, before the first value that is written."""
    for node in nodes:
        if isinstance(node, Action) and not node.pipe.variables:
            return
        if isinstance(node, Text) and node.text.strip():
            yield node.text
        elif isinstance(node, Branch):
            yield from _texts(node.body)


def _asks_for(node: Node, name: str) -> bool:
    return any(name in names_in(operand) for operand in operands_in([node]))


def _pipe_names(branch: Branch, name: str) -> bool:
    return _asks_for(Action(branch.pipe), name)
