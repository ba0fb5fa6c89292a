"""Which requests are counted as coming in."""

import asyncio
from collections.abc import Hashable

from starlette.types import Receive, Scope, Send

from inference.api.arrivals import Arrivals, note_arrived
from inference.api.http_protocol import counting_in
from tests.inference.api.test_http_protocol import connection


def test_those_that_have_become_work_or_take_long_do_not_count() -> None:
    now = 0.0
    arrivals = Arrivals(lambda: now)
    arrivals.begin("a")
    now = 0.02
    arrivals.begin("b")
    assert arrivals.count == 2
    arrivals.end("b")
    arrivals.end("b")
    assert arrivals.count == 1
    now = 0.03
    assert arrivals.count == 0
    arrivals.begin("a")
    assert arrivals.count == 1


class Watched(Arrivals):
    """Tells when a connection has been made."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.has_begun = asyncio.Event()

    def begin(self, connection: Hashable) -> None:
        super().begin(connection)
        self.has_begun.set()


async def test_connection_counts_from_its_beginning_until_its_request_has_become_work() -> None:
    arrivals = Watched()
    counts: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        counts.append(arrivals.count)
        if scope["path"] == "/work":
            note_arrived(scope)
        counts.append(arrivals.count)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with connection(application, counting_in(arrivals)) as (reader, writer):
        await arrivals.has_begun.wait()
        for path in (b"/work", b"/work", b"/other"):
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        assert counts == [1, 0, 1, 0, 1, 1]
        assert arrivals.count == 0

    arrivals.has_begun.clear()
    async with connection(application, counting_in(arrivals)):
        await arrivals.has_begun.wait()
        assert arrivals.count == 1
    assert arrivals.count == 0
