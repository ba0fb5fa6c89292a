"""From a `Submit` to a request that the engine can take: template, tokens, bounds. Runs on a preparer thread."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from inference.errors import ContextLengthExceeded, InvalidRequest
from inference.prompt.chat_template import ChatTemplate
from inference.runner.answer_preparation import AnswerPreparation
from inference.runner.engine.request import Request
from inference.runner.image_preparation import ImageReader, Images, PromptTokens
from inference.runner.llama.vocabulary import LONGEST_TOKEN, Vocabulary
from inference.runner.messages import ChatMessage, ChatPrompt, InfillPrompt, PromptRendered, Submit, TextPrompt, TokenPrompt
from inference.runner.prompt_writer import PromptWriter
from inference.runner.public_prefix import PublicPrefix

#: Of the context, kept free for the answer when older messages may be left out.
_ANSWER_SHARE = 8
#: An answer that goes on beyond the context ends after this many contexts.
_LONGEST_SHIFTED = 10
#: Tokens at a prompt's end in which a mark is looked for.
_LONGEST_MARK = 48


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    prompt: PromptTokens
    num_dropped_tokens: int = 0
    num_public_tokens: int = 0


class Preparation:
    def __init__(
        self, *, vocabulary: Vocabulary, template: ChatTemplate, num_ctx: int, image_reader: ImageReader | None = None
    ) -> None:
        """Without `image_reader`, the model sees no images."""
        self._vocabulary = vocabulary
        self._num_ctx = num_ctx
        self._image_reader = image_reader
        self._answers = AnswerPreparation(vocabulary, num_ctx)
        self._prompts = PromptWriter(template)
        self._public = PublicPrefix(lambda prompt, messages: self._tokenize(self._prompts.write(prompt, messages)))

    def prepare(self, submit: Submit) -> Request:
        """Raises an `InferenceError`: `ContextLengthExceeded` with both numbers, `InvalidRequest`, `EngineError`."""
        arrived_ns = time.perf_counter_ns()
        if submit.max_tokens is not None and submit.max_tokens < 0:
            raise InvalidRequest("The number of tokens to generate cannot be negative.")
        sampling, logprobs = self._answers.sampling(submit), self._answers.logprobs(submit)
        fitted = self._fit(submit)
        if not fitted.prompt.tokens:
            raise InvalidRequest("There is nothing to answer: the prompt is empty.")
        is_thinking = self._ends_with(fitted.prompt.tokens, submit.thinking_start)
        opening = self._answers.opening(submit, fitted.prompt.tokens)
        return Request(
            request_id=submit.request_id,
            tokens=fitted.prompt.tokens,
            spans=fitted.prompt.spans,
            sampling=sampling,
            max_tokens=self._max_tokens(submit),
            stop=submit.stop,
            arrived_ns=arrived_ns,
            num_dropped_tokens=fitted.num_dropped_tokens,
            constraint=self._answers.constraint(submit, is_thinking=is_thinking, opening=opening),
            rendered=self._rendered(submit, fitted.prompt, is_thinking, opening),
            shown_pieces=self._answers.shown_pieces(submit),
            wants_tokens=submit.wants_tokens,
            logprobs=logprobs,
            loop_guard=submit.loop_guard,
            num_following=submit.num_following,
            # What is left of an image that is cut would be seen by no model as it was meant.
            shifts=submit.shift and not fitted.prompt.spans,
            # A beginning of the sequence that the model puts there itself stays too.
            scope=submit.scope,
            num_public_tokens=fitted.num_public_tokens,
            num_keep=submit.num_keep + (self._vocabulary.adds_bos and submit.num_keep >= 0),
        )

    def write(self, prompt: ChatPrompt) -> PromptTokens:
        """The whole conversation, also where that is more than the context. Raises an `InferenceError`."""
        self._check_messages(prompt)
        images = self._images_of(prompt)
        return self._render(prompt, prompt.messages if images is None else images.messages, images)

    def _ends_with(self, tokens: list[int], mark: str) -> bool:
        """Whether the prompt ends with the mark, and perhaps white space."""
        if not mark:
            return False
        pieces = [self._vocabulary.written_piece(token) for token in tokens[-_LONGEST_MARK:] if token >= 0]
        return b"".join(pieces).rstrip().endswith(mark.encode())

    def _rendered(self, submit: Submit, prompt: PromptTokens, is_thinking: bool, opening: str) -> PromptRendered | None:
        wants_start = bool(submit.thinking_start) or submit.is_harmony
        if not wants_start and not submit.is_render_only and not submit.wants_prompt_size:
            return None
        text = prompt.text if submit.is_render_only else ""
        if submit.is_render_only and not text:
            pieces = [self._vocabulary.written_piece(token) for token in prompt.tokens]
            text = b"".join(pieces).decode("utf-8", "replace")
        num_images = sum(len(m.images) for m in submit.prompt.messages) if isinstance(submit.prompt, ChatPrompt) else 0
        return PromptRendered(
            request_id=submit.request_id,
            is_thinking=is_thinking,
            text=text,
            num_images=num_images,
            num_prompt_tokens=prompt.size if submit.wants_prompt_size else 0,
            opening=opening,
        )

    def _max_tokens(self, submit: Submit) -> int | None:
        """Beyond the context there is no end of its own: Ollama's bound is ten contexts."""
        if not submit.shift:
            return submit.max_tokens
        longest = _LONGEST_SHIFTED * self._num_ctx
        return longest if submit.max_tokens is None else min(submit.max_tokens, longest)

    def _fit(self, submit: Submit) -> FittedPrompt:
        prompt = submit.prompt
        if isinstance(prompt, ChatPrompt):
            fitted = self._fit_chat(prompt, submit.max_tokens)
            return replace(fitted, num_public_tokens=self._public.count(prompt, fitted.prompt.tokens))
        tokens = self._tokens_of(prompt)
        if len(tokens) >= self._num_ctx:
            raise self._too_long(len(tokens))
        text = prompt.text if isinstance(prompt, TextPrompt) else ""
        return FittedPrompt(PromptTokens(tokens, text=text))

    def _tokens_of(self, prompt: InfillPrompt | TextPrompt | TokenPrompt) -> list[int]:
        if isinstance(prompt, TextPrompt):
            self._check_length(prompt.text)
            return self._vocabulary.tokenize(prompt.text, parse_special=prompt.parse_special, add_bos=True)
        if isinstance(prompt, TokenPrompt):
            return self._known(prompt.tokens)
        self._check_length(prompt.prefix + prompt.suffix)
        if prompt.template is not None:
            return self._tokenize(self._prompts.write_infill(prompt))
        tokens = self._vocabulary.infill(prompt.prefix, prompt.suffix)
        if tokens is None:
            raise InvalidRequest("This model does not support insert.")
        return tokens

    def _known(self, tokens: list[int]) -> list[int]:
        if not all(0 <= token < self._vocabulary.num_tokens for token in tokens):
            raise InvalidRequest(
                f"The prompt has a token that this model does not know (it knows {self._vocabulary.num_tokens})."
            )
        return list(tokens)

    def _fit_chat(self, prompt: ChatPrompt, max_tokens: int | None) -> FittedPrompt:
        self._check_messages(prompt)
        images = self._images_of(prompt)
        if images is not None:
            prompt = msgspec.structs.replace(prompt, messages=images.messages)
        text = self._prompts.write(prompt, prompt.messages)
        if self._least_tokens(text) >= self._num_ctx:
            last_turn = without_turns(prompt.messages, turn_starts(prompt.messages)[-1])
            self._check_length(self._prompts.write(prompt, last_turn) if prompt.truncate else text)
        whole = self._read(prompt, text, prompt.messages, images)
        share = max(1, self._num_ctx // _ANSWER_SHARE)
        limit = self._num_ctx - (share if max_tokens is None else max(1, min(max_tokens, share)))
        if prompt.context:
            return self._after_context(prompt, whole, limit)
        if whole.size < self._num_ctx and not prompt.truncate:
            return FittedPrompt(whole)
        if whole.size <= limit:
            return FittedPrompt(whole)
        if not prompt.truncate:
            raise self._too_long(whole.size)
        kept = self._shortest_cut(prompt, limit, images)
        if kept.size >= self._num_ctx:
            raise self._too_long(kept.size)
        return FittedPrompt(kept, whole.size - kept.size)

    def _check_messages(self, prompt: ChatPrompt) -> None:
        if not prompt.messages:
            raise InvalidRequest("There is nothing to answer: the conversation has no messages.")

    def _after_context(self, prompt: ChatPrompt, rendered: PromptTokens, limit: int) -> FittedPrompt:
        """What was said before, as tokens, of which the oldest are left out where there is no room."""
        context = self._known(prompt.context)
        room = max(0, limit - rendered.size) if prompt.truncate else len(context)
        kept = context[len(context) - min(room, len(context)) :]
        size = len(kept) + rendered.size
        if size >= self._num_ctx:
            raise self._too_long(size)
        spans = tuple(replace(span, start=span.start + len(kept), end=span.end + len(kept)) for span in rendered.spans)
        return FittedPrompt(PromptTokens(kept + rendered.tokens, spans, rendered.text), len(context) - len(kept))

    def _images_of(self, prompt: ChatPrompt) -> Images | None:
        if not any(message.images for message in prompt.messages):
            return None
        if self._image_reader is None:
            raise InvalidRequest("This model does not see images.")
        return Images(self._image_reader, prompt.messages)

    def _shortest_cut(self, prompt: ChatPrompt, limit: int, images: Images | None) -> PromptTokens:
        """Tokens of the conversation without as few of its oldest turns as fit, or without all that may be left out.
        The fewer messages the fewer tokens, so the place is found by halving: a long conversation is rendered a few times."""
        cuts = turn_starts(prompt.messages)
        first, last = 0, len(cuts) - 1
        tokens = self._render(prompt, without_turns(prompt.messages, cuts[last]), images)
        while first < last:
            middle = (first + last) // 2
            candidate = self._render(prompt, without_turns(prompt.messages, cuts[middle]), images)
            if candidate.size <= limit:
                last, tokens = middle, candidate
            else:
                first = middle + 1
        return tokens

    def _render(self, prompt: ChatPrompt, messages: Sequence[ChatMessage], images: Images | None) -> PromptTokens:
        return self._read(prompt, self._prompts.write(prompt, messages), messages, images)

    def _read(self, prompt: ChatPrompt, text: str, messages: Sequence[ChatMessage], images: Images | None) -> PromptTokens:
        is_first = not prompt.context
        if images is None:
            return PromptTokens(self._tokenize(text, is_first), text=text)
        return images.tokens(text, messages, lambda part, is_start: self._tokenize(part, is_start and is_first))

    def _tokenize(self, text: str, is_first: bool = True) -> list[int]:
        return self._vocabulary.tokenize(text, parse_special=True, add_bos=is_first)

    def _least_tokens(self, text: str) -> int:
        return len(text) // LONGEST_TOKEN

    def _check_length(self, text: str) -> None:
        """Refuses what cannot fit, however it is cut into tokens: megabytes take minutes, in which nobody else who asks this
        model is heard. Raises `ContextLengthExceeded`."""
        if self._least_tokens(text) >= self._num_ctx:
            raise self._too_long(f"at least {self._least_tokens(text)}")

    def _too_long(self, num_tokens: int | str) -> ContextLengthExceeded:
        return ContextLengthExceeded(
            f"The prompt has {num_tokens} tokens, and this model's context has room for {self._num_ctx}: "
            "shorten it, or give the model a larger context."
        )


def turn_starts(messages: Sequence[ChatMessage]) -> list[int]:
    """Places at which a conversation may begin when older messages are left out: each user message, up to the last one,
    so that an answer or a tool's result never stands without its question. Never empty."""
    starts = [index for index, message in enumerate(messages) if message.role == "user"]
    return starts or [next((i for i, message in enumerate(messages) if message.role != "system"), 0)]


def without_turns(messages: Sequence[ChatMessage], start: int) -> list[ChatMessage]:
    """System messages wherever they stand, and everything from `start` on."""
    return [message for index, message in enumerate(messages) if index >= start or message.role == "system"]
