"""Requests that offer to go on in another protocol, as Java's HttpClient makes them, on a real connection to a real server."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from inference.api.http_protocol import Http11Protocol

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAA\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the body, and the names of the headers in a header of its own."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    content = b"%s %s %s" % (scope["method"].encode(), scope["path"].encode(), body)
    names = b",".join(name for name, _ in scope["headers"])
    headers = [(b"content-length", str(len(content)).encode()), (b"seen", names)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in pieces, whose length is not told."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for piece in (b"one", b"", b"two", b"three"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def connection(
    application: ASGIApp = echo, protocol: type[Http11Protocol] = Http11Protocol
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, http=protocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await serving
        listener.close()


async def answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Head, in lower case, and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = re.search(r"content-length: (\d+)", head)
    assert length is not None
    return head, await reader.readexactly(int(length.group(1)))


def chunked(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def whole(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("framed", [chunked, whole])
@pytest.mark.parametrize("size", [1, 5000, 200_000])
async def test_body_arrives_where_another_protocol_is_offered(framed: object, size: int) -> None:
    assert callable(framed)
    request = b"POST /api/chat HTTP/1.1\r\nHost: x\r\n" + OFFER + b"Content-Type: application/json\r\n" + framed(b"x" * size)
    async with connection() as (reader, writer):
        writer.write(request)
        head, body = await answer(reader)

    assert head.startswith("http/1.1 200 ") and body == b"POST /api/chat " + b"x" * size
    assert not {"upgrade", "connection", "http2-settings"} & set(head.split("seen: ")[1].split("\r\n")[0].split(","))


async def test_request_that_comes_byte_by_byte_is_read() -> None:
    request = b"POST /a%20b?c HTTP/1.1\r\nHost: x\r\n" + OFFER + whole(b"body")
    async with connection() as (reader, writer):
        for index in range(len(request)):
            writer.write(request[index : index + 1])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[1] == b"POST /a b body"


async def test_connection_goes_on_after_it_and_several_requests_may_come_at_once() -> None:
    offering = b"GET /1 HTTP/1.1\r\nHost: x\r\n" + OFFER + b"\r\n"
    plain = b"POST /2 HTTP/1.1\r\nHost: x\r\n" + whole(b"two")
    async with connection() as (reader, writer):
        writer.write(plain + offering * 300 + plain)
        bodies = [(await answer(reader))[1] for _ in range(302)]
        writer.write(offering)
        after = (await answer(reader))[1]

    assert bodies == [b"POST /2 two", *[b"GET /1 "] * 300, b"POST /2 two"]
    assert after == b"GET /1 "


async def test_rest_of_the_connection_header_is_kept() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with connection() as (reader, writer):
        writer.write(request)
        head, _ = await answer(reader)

        assert "connection: close" in head
        assert await reader.read() == b""


@pytest.mark.parametrize("request_line", [b"CONNECT example.org:443 HTTP/1.1", b"nonsense"])
async def test_what_is_no_request_is_refused(request_line: bytes) -> None:
    async with connection() as (reader, writer):
        writer.write(request_line + b"\r\nHost: x\r\n" + OFFER + b"\r\n")
        head, body = await answer(reader)

    assert head.startswith("http/1.1 400 ") and body == b"Invalid HTTP request received."


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n"])
async def test_client_of_http_1_0_gets_a_body_that_ends_with_the_connection(kept: bytes) -> None:
    """It does not know chunks: their sizes would stand in its text."""
    async with connection(streaming) as (reader, writer):
        writer.write(b"GET / HTTP/1.0\r\n" + kept + b"\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert body == b"onetwothree"
    assert b"transfer-encoding" not in head and b"connection: close" in head


async def test_client_of_http_1_0_gets_a_length_where_there_is_one() -> None:
    async with connection() as (reader, writer):
        writer.write(b"POST /a HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody")
        head, body = await answer(reader)
        rest = await reader.read()

    assert (body, rest) == (b"POST /a body", b"") and "connection: close" in head


async def test_client_of_http_1_1_gets_chunks() -> None:
    async with connection(streaming) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")

    assert b"transfer-encoding: chunked" in head and body.startswith(b"3\r\none\r\n") and body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Large: " + b"a" * 1_000_000,
        b"X-Many: 1\r\n" * 20_000,
        b"\r\n".join(b"X-%d: %s" % (number, b"b" * 1000) for number in range(1000)),
    ],
    ids=["large", "many", "much"],
)
@pytest.mark.parametrize("offer", [b"", OFFER])
async def test_head_that_is_too_large_is_refused_before_it_has_come(headers: bytes, offer: bytes) -> None:
    async with connection() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + offer + headers)
        head, body = await answer(reader)

    assert head.startswith("http/1.1 431 ") and "connection: close" in head and b"header" in body


@pytest.mark.parametrize("trailers", [b"X-Large: " + b"a" * 1_000_000, b"X-Many: 1\r\n" * 20_000], ids=["large", "many"])
async def test_headers_after_a_body_are_no_way_around_it(trailers: bytes) -> None:
    """The application waits for the end of the body, so nothing has been answered: the connection ends."""
    async with connection() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + trailers)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def test_requests_with_bodies_and_heads_of_a_common_size_are_read_one_after_the_other() -> None:
    """Each head counts for itself, and no body does."""
    request = b"POST /a HTTP/1.1\r\nHost: x\r\nX: " + b"c" * 30_000 + b"\r\n" + whole(b"d" * 100_000)
    async with connection() as (reader, writer):
        for _ in range(6):
            writer.write(request)
        bodies = [(await answer(reader))[1] for _ in range(6)]

    assert bodies == [b"POST /a " + b"d" * 100_000] * 6
