"""Tells the web process how many tokens of a key's holder were read where nothing is written: vectors and rankings.

Answers that write text say it themselves, see `inference.api.answer`.
"""

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference.api.caller import is_forwarded

_NOTE = "hearth.prompt_tokens"


def note_prompt(request: Request, num_tokens: int) -> None:
    """To be told with the answer, whatever it looks like."""
    request.scope[_NOTE] = request.scope.get(_NOTE, 0) + num_tokens


class TellPromptUsage:
    """Puts what was noted into the header `Hearth-Usage` of an answer to a request that the web process passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_forwarded(scope):
            await self._app(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start" and _NOTE in scope:
                usage = msgspec.json.encode({"prompt_tokens": scope[_NOTE], "completion_tokens": 0})
                message = {**message, "headers": [*message.get("headers", []), (b"hearth-usage", usage)]}
            await send(message)

        await self._app(scope, receive, telling)
