"""What a page's script does with the socket's frames, in Python: from the frames alone, the HTML that was shown."""

import json
from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass
class StreamReplay:
    """One `<message-stream>`: closed blocks and the open one, rebuilt as docs/architecture.md says."""

    blocks: list[str] = field(default_factory=list)
    offset: int = 0
    finished: int = 0
    open_html: str = ""

    def take(self, frame: list[object]) -> None:
        if len(frame) == 2:
            return
        kept = _first_units(self.open_html, int(str(frame[-2])))
        self.open_html = kept + str(frame[-1])
        if len(frame) == 4:
            self.offset = int(str(frame[1]))
            self.blocks.append(self.open_html)
            self.open_html = ""


def _first_units(text: str, count: int) -> str:
    """The first `count` UTF-16 units, as JavaScript's `slice` counts."""
    return text.encode("utf-16-le")[: 2 * count].decode("utf-16-le", errors="surrogatepass")


class FrameRecorder:
    """Collects every frame a page's sockets received."""

    def __init__(self, page: Page) -> None:
        self.raw: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: self.raw.append(str(data))))

    def messages(self) -> list[object]:
        return [json.loads(text) for text in self.raw]

    def replay(self, stream: int = 1) -> StreamReplay:
        result = StreamReplay()
        for message in self.messages():
            if isinstance(message, list) and message[0] == stream:
                result.take(message)
            elif isinstance(message, dict) and message.get("type") == "generation.finished" and message["stream"] == stream:
                result.finished += 1
        return result
