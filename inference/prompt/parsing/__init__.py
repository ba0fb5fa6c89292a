"""From a model's text, as it streams, to what it says: thinking, content, calls of tools. Pure functions of the text: however
it is cut into pieces, the same comes of it."""

from inference.prompt.parsing.answer import AnswerParser
from inference.prompt.parsing.events import AnswerEvent, ContentDelta, ThinkingDelta, ToolCall
from inference.prompt.parsing.syntax import AnswerSyntax, syntax_of

__all__ = ["AnswerEvent", "AnswerParser", "AnswerSyntax", "ContentDelta", "ThinkingDelta", "ToolCall", "syntax_of"]
