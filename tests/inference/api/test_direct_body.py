"""Pieces of a body that go out beside the application's `send`, on a real connection to a real server."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from inference.api.direct_body import DirectBody, direct_body_of
from tests.inference.api.test_http_protocol import connection

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def body_of(scope: Scope) -> DirectBody:
    direct = direct_body_of(scope)
    assert direct is not None
    return direct


async def test_pieces_come_in_the_order_of_the_calls() -> None:
    seen: list[bool] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        direct = body_of(scope)
        seen.append(direct.can_write)
        await send(START)
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        for piece in (b"two", b"", b"three" * 10):
            seen.append(direct.can_write)
            direct.write(piece)
        await send({"type": "http.response.body", "body": b"four", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        seen.append(direct.can_write)

    async with connection(application) as (reader, writer):
        writer.write(REQUEST)
        _head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert body == b"3\r\none\r\n3\r\ntwo\r\n32\r\n" + b"three" * 10 + b"\r\n4\r\nfour\r\n0\r\n\r\n"
    assert seen == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("version", "headers"), [(b"1.0", []), (b"1.1", [(b"content-length", b"3")])], ids=["HTTP/1.0", "with a length"]
)
async def test_nothing_is_written_into_a_body_without_chunks(version: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    seen: list[bool] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": headers})
        seen.append(body_of(scope).can_write)
        await send({"type": "http.response.body", "body": b"one"})

    async with connection(application) as (reader, writer):
        writer.write(b"GET / HTTP/" + version + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\none")
    assert seen == [False]


async def test_slow_client_is_waited_for_and_one_that_is_gone_gets_nothing() -> None:
    written, is_gone = asyncio.Event(), asyncio.Event()
    seen: list[bool] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        direct = body_of(scope)
        await send(START)
        while direct.can_write:
            direct.write(b"x" * 65536)
            # Buffers are handed to the system between two turns of the event loop.
            await asyncio.sleep(0)
        written.set()
        await send({"type": "http.response.body", "body": b"y", "more_body": True})
        seen.append(direct.can_write)
        while (await receive())["type"] != "http.disconnect":
            pass
        seen.append(direct.can_write)
        is_gone.set()

    async with connection(application) as (reader, writer):
        writer.write(REQUEST)
        await written.wait()
        assert not seen
        received = b""
        while not received.endswith(b"y\r\n"):
            received += await reader.read(65536)
        writer.close()
        await is_gone.wait()
    assert seen == [True, False]
