"""One answer as its readers see it: text cut into blocks, what happens now, and how it ended.

There is one writer, the generation, and any number of readers on the same event loop. A reader keeps its own place and asks
what is new when it is ready to send, so that a slow one gets fewer and larger pieces and nothing is queued for it.
"""

import asyncio
from dataclasses import dataclass

from webui.enums import MessageStatus
from webui.markdown import BlockStream
from webui.services.inference_events import Progress


@dataclass(frozen=True)
class Ending:
    """How the message ended, and its conversation's title at that moment ("" where the conversation is gone)."""

    status: MessageStatus
    title: str


class Stream:
    """`text` is what an answer that is being continued starts with, `thinking` what was thought before it."""

    def __init__(self, text: str = "", thinking: str = "") -> None:
        self.blocks = BlockStream(text)
        self._thinking = thinking
        self._thoughts: list[str] = []
        self.progress: Progress | None = None
        self.ending: Ending | None = None
        self._version = 0
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        return self.blocks.text

    @property
    def thinking(self) -> str:
        """Everything that was thought so far."""
        if self._thoughts:
            self._thinking += "".join(self._thoughts)
            self._thoughts.clear()
        return self._thinking

    def append(self, text: str) -> None:
        self.blocks.append(text)
        self._wake()

    def think(self, text: str) -> None:
        self._thoughts.append(text)
        self._wake()

    def report(self, progress: Progress) -> None:
        self.progress = progress
        self._wake()

    def end(self, ending: Ending) -> None:
        """Closes the last block; only the first call counts."""
        if self.ending is None:
            self.blocks.finish()
            self.ending = ending
            self._wake()

    async def changed(self, seen: int) -> int:
        """Waits until there is something newer than version `seen` (-1 for anything) and returns the version to ask with next."""
        while self._version == seen:
            await self._changed.wait()
        return self._version

    def _wake(self) -> None:
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()
