"""Messages to the one text a model was trained to answer, by the chat template in its file."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jinja2 import TemplateError

from inference.errors import EngineError, InvalidRequest
from inference.harmony import speaks_harmony
from inference.prompt.counted_calls import MARK as CALLS_MARK
from inference.prompt.counted_calls import with_counted_calls
from inference.prompt.harmony import messages as harmony
from inference.prompt.sandbox import (
    MAX_SOURCE_CHARS,
    MAX_VALUE_CHARS,
    ChatTemplateEnvironment,
    Deadline,
    TemplateLimitExceeded,
    TemplateRefused,
)
from inference.runner.messages import ChatMessage

#: For files without a template; what most fine-tuned models without one were trained with.
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
RENDER_SECONDS = 5.0

_PROBE = "c0ffee-system-probe"


class ChatTemplate:
    """Compiled once for a model. Not for several threads at once."""

    def __init__(self, source: str | None, *, bos_text: str = "", eos_text: str = "", seconds: float = RENDER_SECONDS) -> None:
        """`seconds` bounds one rendering. A template that cannot be compiled is reported when it is used."""
        self._seconds = seconds
        self._counts_calls = source is not None and CALLS_MARK in source
        self._is_harmony = source is not None and speaks_harmony(source)
        # As in Hugging Face, `tools` and `documents` are there and none: templates ask for either.
        self._constants = {"bos_token": bos_text, "eos_token": eos_text, "tools": None, "documents": None}
        self._compile_error = ""
        if source is not None and len(source) > MAX_SOURCE_CHARS:
            self._compile_error = f"it is longer than {MAX_SOURCE_CHARS} characters"
            source = None
        try:
            with Deadline(seconds):
                self._template = ChatTemplateEnvironment().from_string(source or CHATML)
        except (TemplateError, RecursionError, SyntaxError, MemoryError, ValueError) as error:
            self._compile_error = str(error) or type(error).__name__
        self._has_system_role = not self._compile_error and self._shows_system_messages()

    def render(self, messages: Sequence[ChatMessage], variables: Mapping[str, Any] | None = None) -> str:
        """The prompt up to where the answer begins. A trailing assistant message is the beginning of that answer.

        Where the template knows no system role, the system text goes in front of the first user message; where it
        insists on alternating roles, consecutive messages of one role are joined.
        Raises `InvalidRequest` when the template refuses the messages, `EngineError` when the template itself is broken.
        """
        if self._compile_error:
            raise EngineError(f"This model's chat template cannot be used: {self._compile_error}.")
        *before, last = messages
        is_begun = last.role == "assistant" and bool(before)
        dicts = _as_dicts(before if is_begun else messages)
        values, begun = dict(variables or {}), last.content if is_begun else ""
        if self._is_harmony:
            dicts, values = harmony.writable(dicts), harmony.understandable(values)
            begun = harmony.begun_message(last.content, last.thinking or "") if is_begun else ""
        if self._counts_calls:
            dicts = with_counted_calls(dicts)
        if not self._has_system_role:
            dicts = _fold_system_messages(dicts)
        return self._render_with_fallback(dicts, values) + begun

    def _render_with_fallback(self, messages: list[dict[str, Any]], variables: dict[str, Any]) -> str:
        try:
            return self._run(messages, variables)
        except TemplateRefused as refusal:
            simpler = _join_same_roles(_fold_system_messages(messages))
            if simpler == messages:
                raise _refused(refusal) from refusal
        try:
            return self._run(simpler, variables)
        except TemplateRefused as refusal:
            raise _refused(refusal) from refusal

    def _run(self, messages: list[dict[str, Any]], variables: dict[str, Any]) -> str:
        values = {**self._constants, **variables, "messages": messages, "add_generation_prompt": True}
        try:
            with Deadline(self._seconds):
                return _join_bounded(self._template.generate(values))
        except TemplateRefused:
            raise
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError) as error:
            raise EngineError(f"This model's chat template failed: {str(error) or type(error).__name__}.") from error

    def _shows_system_messages(self) -> bool:
        """Some templates refuse a system message, some leave it out without a word: both are found by trying."""
        probe = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "x"}]
        try:
            return _PROBE in self._run(probe, {})
        except TemplateRefused:
            return False
        except EngineError:
            # Said when the template is used.
            return True


def _join_bounded(chunks: Iterable[str]) -> str:
    kept, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_VALUE_CHARS:
            raise TemplateLimitExceeded("it writes too much text")
        kept.append(chunk)
    return "".join(kept)


def _as_dicts(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """As templates expect them. Thinking goes by either of two names."""
    dicts = []
    for message in messages:
        entry: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.tool_calls:
            entry["tool_calls"] = message.tool_calls
        if message.tool_name:
            entry["name"] = entry["tool_name"] = message.tool_name
        if message.tool_call_id:
            entry["tool_call_id"] = message.tool_call_id
        if message.thinking:
            entry["reasoning_content"] = entry["thinking"] = message.thinking
        dicts.append(entry)
    return dicts


def _fold_system_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """System texts in front of the first user message; a user message of their own where there is none."""
    texts = [message["content"] for message in messages if message["role"] == "system"]
    rest = [dict(message) for message in messages if message["role"] != "system"]
    if not texts:
        return rest
    first = next((message for message in rest if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(texts)}, *rest]
    first["content"] = "\n\n".join([*texts, first["content"]])
    return rest


def _join_same_roles(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    joined: list[dict[str, Any]] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"] and message["role"] in {"user", "assistant"}:
            joined[-1] = {**joined[-1], **message, "content": joined[-1]["content"] + "\n\n" + message["content"]}
        else:
            joined.append(message)
    return joined


def _refused(refusal: TemplateRefused) -> InvalidRequest:
    return InvalidRequest(f"This model cannot answer these messages: {refusal}")
