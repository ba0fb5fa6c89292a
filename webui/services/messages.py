"""Sending a message, and going on with, repeating or stopping its answer.

The rows are written in one transaction; the generation starts when it has been committed, so that it never runs for rows
that are not there.
"""

import time
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webui.enums import RUNNING_STATUSES, MessageRole, MessageStatus, TitleSource
from webui.models import Conversation, Message, User
from webui.queries import branch_messages
from webui.services.errors import ActionNotPossible, AnswerRunning, ContentRefused, NoModel, TooManyAnswers
from webui.services.forgetting import scope_of
from webui.services.generation.generation import GenerationJob
from webui.services.generation.recovery import settle_orphan
from webui.services.generation.registry import start_generation, stop_generation
from webui.services.inference_client import ChatRequest
from webui.services.model_access import check_may_use
from webui.services.models import can_think
from webui.services.notices import conversation_changed
from webui.services.prompts import build_prompt
from webui.services.titles import excerpt

LONGEST_CONTENT = 200_000
#: Answers that one person may have running at a time, over all conversations.
ANSWERS_PER_PERSON = 8


@dataclass(frozen=True)
class SentMessage:
    conversation: Conversation
    question: Message
    answer: Message
    is_new_conversation: bool


def check_content(content: str) -> str:
    """The text as it is stored, with plain line ends. Raises ContentRefused where it is blank or too long."""
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    if not content.strip():
        raise ContentRefused(_("Write something first."))
    if len(content) > LONGEST_CONTENT:
        length = {"length": len(content), "limit": LONGEST_CONTENT}
        raise ContentRefused(_("This message is too long: %(length)d characters, the limit is %(limit)d.") % length)
    return content


def send_message(
    user: User, *, content: str, model: str, conversation: Conversation | None = None, wants_thinking: bool = False
) -> SentMessage:
    """Stores a question and its still empty answer, and has the answer generated. Without a conversation a new one begins.

    `user` owns `conversation`, which came from `access`. `wants_thinking` means nothing to a model that cannot think.
    Raises ContentRefused, NoModel, ModelNotAllowed, AnswerRunning or TooManyAnswers.
    """
    asked_at = time.monotonic()
    content = check_content(content)
    model = model or (conversation.model if conversation else "")
    if not model:
        raise NoModel(_("Choose a model first."))
    check_may_use(user, model)
    thinks = wants_thinking and can_think(model)
    with transaction.atomic():
        is_new = conversation is None
        if conversation is None:
            conversation = Conversation.objects.create(owner=user, title=excerpt(content), model=model)
        conversation = _locked_without_answer(conversation)
        question = Message(
            conversation=conversation, parent_id=conversation.active_leaf_id, role=MessageRole.USER, content=content
        )
        answer = Message(
            conversation=conversation,
            parent=question,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.QUEUED,
            model=model,
            wants_thinking=thinks,
        )
        Message.objects.bulk_create([question, answer])
        conversation.model, conversation.active_leaf, conversation.active_at = model, answer, timezone.now()
        conversation.wants_thinking = wants_thinking
        conversation.save(update_fields=["model", "active_leaf", "active_at", "wants_thinking"])
        transaction.on_commit(partial(_start, answer, asked_at))
    return SentMessage(conversation, question, answer, is_new)


def continue_message(message: Message) -> Message:
    """Goes on with an answer that was stopped, interrupted or cut for its length, in the same row."""
    if not message.content:
        return retry_message(message)
    can_go_on = message.status in (MessageStatus.STOPPED, MessageStatus.INTERRUPTED) or message.finish_reason == "length"
    return _run_again(message, is_possible=can_go_on)


def retry_message(message: Message) -> Message:
    """Runs an answer that failed, or of which nothing came, once more in the same row."""
    return _run_again(message, is_possible=message.status == MessageStatus.FAILED or not message.content, is_new=True)


def stop_message(message: Message) -> None:
    """Ends a running answer; what is there is kept. An answer that has ended already is left alone."""
    if not stop_generation(message.pk) and message.is_running:
        settle_orphan(message.pk)


def _run_again(message: Message, *, is_possible: bool, is_new: bool = False) -> Message:
    """In the same row; `is_new` begins with nothing instead of going on with what is there."""
    asked_at = time.monotonic()
    with transaction.atomic():
        conversation = _locked_without_answer(message.conversation)
        if not is_possible or message.role != MessageRole.ASSISTANT or conversation.active_leaf_id != message.pk:
            raise ActionNotPossible(_("Only the last answer can be continued or repeated, and only when it did not finish."))
        message.conversation = conversation
        check_may_use(conversation.owner, message.model)
        message.status = MessageStatus.QUEUED
        if is_new:
            message.content, message.thinking, message.thinking_ms = "", "", None
        message.finish_reason = message.error_code = message.error_detail = ""
        message.finished_at = None
        fields = ["status", "content", "thinking", "thinking_ms", "finish_reason", "error_code", "error_detail", "finished_at"]
        message.save(update_fields=fields)
        transaction.on_commit(partial(_start, message, asked_at))
    return message


def _locked_without_answer(conversation: Conversation) -> Conversation:
    """The conversation's row as it is now, locked until the transaction ends, so that of two senders only one gets an answer."""
    locked = Conversation.objects.select_for_update().filter(pk=conversation.pk).first()
    if locked is None:
        raise ActionNotPossible(_("This conversation was deleted."))
    running: list[UUID] = list(
        Message.objects.filter(status__in=RUNNING_STATUSES, conversation__owner=locked.owner_id).values_list(
            "conversation_id", flat=True
        )
    )
    if locked.pk in running:
        raise AnswerRunning(_("An answer is still being written here. Wait for it or stop it first."))
    if len(running) >= ANSWERS_PER_PERSON:
        raise TooManyAnswers(_("Too many of your answers are being written at once. Wait for one or stop it."))
    return locked


def _start(answer: Message, asked_at: float) -> None:
    try:
        start_generation(_job(answer, asked_at))
    except Exception:
        # A row that nothing will ever fill must not say that it waits, and must not keep its conversation closed.
        settle_orphan(answer.pk)
        raise
    conversation_changed(answer.conversation.owner_id, answer.conversation_id)


def _job(answer: Message, asked_at: float) -> GenerationJob:
    conversation = answer.conversation
    branch = branch_messages(answer)
    request = ChatRequest(
        model=answer.model,
        messages=build_prompt(conversation, branch),
        client=str(conversation.owner_id),
        scope=scope_of(conversation.owner_id, conversation.pk),
        # An answer that goes on has been thought about.
        thinks=answer.wants_thinking and not answer.content,
    )
    is_first = len(branch) == 2 and conversation.title_source == TitleSource.EXCERPT
    return GenerationJob(
        message_id=answer.pk,
        conversation_id=conversation.pk,
        owner_id=conversation.owner_id,
        request=request,
        text=answer.content,
        thinking=answer.thinking,
        wants_title=is_first,
        asked_at=asked_at,
    )
