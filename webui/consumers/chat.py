"""The page's one socket: shows answers while they are written, stops them, and says that something changed.

Nothing here owns an answer: closing the socket ends the views and nothing else. Session and person are loaded anew at every
action, and every object comes through `webui.access`.
"""

import asyncio
import logging
from typing import Any
from uuid import UUID

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext as _

from webui.access import get_message
from webui.consumers.events import Action, Attach, Detach, Ping, Stop, parse_action
from webui.consumers.session import load_person, page_language
from webui.consumers.view import encode, show_stream
from webui.enums import MessageStatus
from webui.models import Message, User
from webui.services.generation.recovery import settle_orphan
from webui.services.generation.registry import registry
from webui.services.generation.stream import Ending, Stream
from webui.services.messages import stop_message
from webui.services.notices import user_group

logger = logging.getLogger(__name__)
#: Close code for a session that is over; the page reloads and is led to the sign-in page.
SESSION_ENDED = 4401
STREAMS_PER_PAGE = 16
#: How long a row may say that it waits before its generation has to be there.
SECONDS_TO_START = 3.0


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """See "The page's socket" in docs/architecture.md for what travels here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._views: dict[int, asyncio.Task[None]] = {}
        self._group = ""

    async def connect(self) -> None:
        await self.accept()
        person = await self._person()
        if person is not None:
            self._group = user_group(person.pk)
            await self.channel_layer.group_add(self._group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        self._end_views()
        if self._group:
            await self.channel_layer.group_discard(self._group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        action = parse_action(text_data) if text_data is not None else None
        person = await self._person()
        if person is not None:
            with translation.override(page_language(self.scope)):
                await self._act(person, action)

    async def _act(self, person: User, action: Action | None) -> None:
        match action:
            case Ping():
                await self._tell({"type": "pong"})
            case Attach():
                await self._attach(person, action)
            case Detach():
                if view := self._views.pop(action.stream, None):
                    view.cancel()
            case Stop():
                await self._stop(person, action)
            case _:
                await self._refuse("malformed", _("The page sent something that the server does not understand."))

    async def conversation_changed(self, notice: dict[str, Any]) -> None:
        await self._tell({"type": "conversation.changed", "conversation": notice["conversation"]})

    async def access_revoked(self, notice: dict[str, Any]) -> None:
        """Checks rather than believes: another session of the same person may go on."""
        await self._person()

    async def _person(self) -> User | None:
        """The person as of now; ends the socket where there is none any more."""
        person: User | None = await database_sync_to_async(load_person)(self.scope["session"].session_key)
        if person is None:
            self._end_views()
            await self._tell({"type": "session.ended"})
            await self.close(code=SESSION_ENDED)
        return person

    async def _attach(self, person: User, action: Attach) -> None:
        message = await self._message(person, action.message, stream=action.stream)
        if message is None:
            return
        if action.stream in self._views:
            await self._refuse("stream_in_use", _("The page used one name for two answers."), stream=action.stream)
        elif len(self._views) >= STREAMS_PER_PAGE:
            await self._refuse("too_many_streams", _("Too many answers are shown on this page. Reload it."), stream=action.stream)
        else:
            view = self._views[action.stream] = asyncio.create_task(self._show(message, action))
            view.add_done_callback(lambda ended: self._views.get(action.stream) is ended and self._views.pop(action.stream))

    async def _stop(self, person: User, action: Stop) -> None:
        message = await self._message(person, action.message)
        if message is not None:
            await database_sync_to_async(stop_message)(message)

    async def _message(self, person: User, message_id: UUID, **place: int) -> Message | None:
        try:
            message: Message = await database_sync_to_async(get_message)(person, message_id)
        except Http404:
            await self._refuse("not_found", _("This message does not exist."), **place)
            return None
        return message

    async def _show(self, message: Message, action: Attach) -> None:
        """Ends with exactly one `generation.finished`, whatever happens to the answer."""
        ending = Ending(MessageStatus(message.status), message.conversation.title)
        try:
            stream = await self._stream_of(message)
            if stream is not None:
                ending = await show_stream(
                    stream, number=action.stream, offset=action.offset, thought=action.thought, send=self.send
                )
            elif message.is_running:
                await database_sync_to_async(settle_orphan)(message.pk)
                ending = Ending(MessageStatus.INTERRUPTED, ending.title)
        except Exception:
            logger.exception("Showing message %s failed", message.pk)
        finished = {"type": "generation.finished", "stream": action.stream, "status": ending.status, "title": ending.title}
        await self._tell(finished)

    async def _stream_of(self, message: Message) -> Stream | None:
        """The live or lately ended stream; a running row's may be a moment away, its generation starting in another thread."""
        deadline = asyncio.get_running_loop().time() + SECONDS_TO_START
        while (stream := await registry.find(message.pk)) is None:
            if not message.is_running or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.05)
        return stream

    def _end_views(self) -> None:
        for view in list(self._views.values()):
            view.cancel()
        self._views.clear()

    async def _refuse(self, code: str, sentence: str, **place: int) -> None:
        await self._tell({"type": "error", "code": code, "message": sentence, **place})

    async def _tell(self, message: dict[str, Any]) -> None:
        await self.send(encode(message))

    async def send(self, text_data: str | None = None, bytes_data: bytes | None = None, close: bool = False) -> None:
        """A page that has just gone is no error: daphne says so by this exception until `disconnect` comes."""
        try:
            await super().send(text_data=text_data, bytes_data=bytes_data, close=close)
        except Disconnected:
            self._end_views()
