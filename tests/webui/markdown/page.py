"""What the browser does with frames, in a few lines: static/js/message-stream.js is the original."""

from bs4 import BeautifulSoup


class Page:
    """Closed blocks, the open block's HTML as last given, and the text added to it since."""

    def __init__(self) -> None:
        self.blocks = ""
        self.offset = 0
        self.html = ""
        self.appended = ""
        self.bytes = 0

    def take(self, frames: list[list[object]]) -> None:
        """Apply frames in order."""
        for frame in frames:
            match frame:
                case [_, int(offset), int(keep), str(tail)]:
                    assert offset > self.offset
                    self.blocks += utf16_slice(self.html, keep) + tail
                    self.offset, self.html, self.appended = offset, "", ""
                case [_, int(keep), str(tail)]:
                    self.html, self.appended = utf16_slice(self.html, keep) + tail, ""
                case [_, str(text)]:
                    assert text
                    self.appended += text
                case _:
                    raise AssertionError(f"no such frame: {frame}")

    def assert_shows(self, open_html: str) -> None:
        """Assert that the open block looks like the HTML given."""
        if not self.appended:
            assert self.html == open_html
            return
        mine, given = (BeautifulSoup(html, "html.parser") for html in (self.html, open_html))
        grown, whole = (soup.select("pre code, .raw-text")[-1] for soup in (mine, given))
        assert whole.get_text().startswith(grown.get_text() + self.appended)
        grown.append(self.appended)
        whole.string = grown.get_text()
        assert mine.decode() == given.decode()


def utf16_slice(text: str, length: int) -> str:
    """Return what `text.slice(0, length)` returns in JavaScript; fail where it would cut a character in two."""
    return text.encode("utf-16-le")[: 2 * length].decode("utf-16-le")
