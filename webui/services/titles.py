"""A conversation's title from the model, asked for once, after its first complete exchange and behind everybody's answers.

The request continues the very prompt that was just answered, so that the runtime has nearly all of it computed already.
A person's title is never replaced, and a rename or deletion ends the request.
"""

import asyncio
import logging
import re
from contextlib import aclosing
from uuid import UUID

from webui.enums import TitleSource
from webui.models import Conversation
from webui.services.errors import RuntimeFailure
from webui.services.event_loop import call_on_loop
from webui.services.generation.rows import in_writer
from webui.services.inference_client import ChatRequest, inference_client
from webui.services.inference_events import Delta
from webui.services.notices import conversation_changed

logger = logging.getLogger(__name__)
TITLE_LENGTH = 60
EXCERPT_LENGTH = 60
_INSTRUCTION = (
    "Give this conversation a title of at most six words, in the language of the conversation. Answer with the title alone."
)
_LABEL = re.compile(
    r"^(?:here(?:['’]s| is)[^:：]*|(?:the )?(?:short |conversation )?title|标题|主题|题目)\s*[:：]\s*", re.IGNORECASE
)
_EDGES = " \t*_`#>~-–—\"'“”‘’«»「」『』《》【】[]().。.,，:：;；!！"
_REFUSALS = ("sure", "i'm sorry", "i’m sorry", "i am sorry", "as an ai", "certainly", "okay")
_titles: dict[UUID, asyncio.Task[None]] = {}


def excerpt(content: str) -> str:
    """The first words of a message, for a conversation without a better title."""
    words = " ".join(content.split())
    return words if len(words) <= EXCERPT_LENGTH else _cut(words, EXCERPT_LENGTH - 1) + "…"


def clean_title(raw: str, question: str) -> str:
    """What a model answered as a title of at most 60 characters; "" where it is empty, an echo or no title at all."""
    lines = [line for line in raw.splitlines() if line.strip(_EDGES)]
    if not lines:
        return ""
    title = _LABEL.sub("", lines[0].strip(_EDGES)).strip(_EDGES)
    title = " ".join("".join(character for character in title if character.isprintable()).split())
    lowered = title.casefold()
    if not lowered or lowered in _INSTRUCTION.casefold() or lowered.startswith(_REFUSALS):
        return ""
    if lowered == " ".join(question.split()).strip(_EDGES).casefold():
        return ""
    return title if len(title) <= TITLE_LENGTH else _cut(title, TITLE_LENGTH)


def start_title(conversation_id: UUID, owner_id: UUID, asked: ChatRequest, answer: str) -> None:
    """Asks for a title on the event loop, once the request `asked` was answered with `answer`."""
    task = asyncio.get_running_loop().create_task(_give_title(conversation_id, owner_id, asked, answer))
    _titles[conversation_id] = task
    task.add_done_callback(lambda ended: _titles.get(conversation_id) is ended and _titles.pop(conversation_id))


def cancel_title(conversation_id: UUID) -> None:
    """From any thread; nothing happens where no title is being asked for."""
    if conversation_id in _titles:
        call_on_loop(_cancel, conversation_id)


def _cancel(conversation_id: UUID) -> None:
    if task := _titles.get(conversation_id):
        task.cancel()


async def _give_title(conversation_id: UUID, owner_id: UUID, asked: ChatRequest, answer: str) -> None:
    # An answer that was continued stands in the prompt already, with its beginning.
    asked_messages = asked.messages[:-1] if asked.messages[-1]["role"] == "assistant" else asked.messages
    request = ChatRequest(
        model=asked.model,
        messages=[*asked_messages, {"role": "assistant", "content": answer}, {"role": "user", "content": _INSTRUCTION}],
        client=asked.client,
        scope=asked.scope,
        is_background=True,
        options={"num_predict": 24, "temperature": 0.2},
    )
    question = next((message["content"] for message in asked.messages if message["role"] == "user"), "")
    try:
        title = clean_title(await _answer(request), question)
        is_saved = bool(title) and await in_writer(_save_title, conversation_id, title)
        if is_saved:
            conversation_changed(owner_id, conversation_id)
    except RuntimeFailure as failure:
        logger.info("No title for conversation %s: %s", conversation_id, failure.sentence)
    except Exception:
        logger.exception("No title for conversation %s", conversation_id)


async def _answer(request: ChatRequest) -> str:
    async with aclosing(inference_client().chat(request)) as events:
        return "".join([event.text async for event in events if isinstance(event, Delta)])


def _save_title(conversation_id: UUID, title: str) -> bool:
    untitled = Conversation.objects.filter(pk=conversation_id, title_source=TitleSource.EXCERPT)
    return untitled.update(title=title, title_source=TitleSource.MODEL) == 1


def _cut(text: str, length: int) -> str:
    """At most `length` characters, at a word's end where there is one in the second half."""
    end = text.rfind(" ", length // 2, length + 1)
    return text[: end if end > 0 else length].rstrip(_EDGES)
