"""Requests that offer to go on in another protocol, as Java's HttpClient makes them, on a real connection to a real server."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

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


@contextlib.asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=Http11Protocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
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
