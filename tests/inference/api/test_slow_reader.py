"""A client that does not read: what waits for it is bounded, from the stream to the socket."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import uvicorn

from inference.api.answer import Answer
from inference.api.choice import Choice
from inference.api.lines import chat_content
from inference.api.ndjson import NdjsonWriter
from inference.runner.messages import RequestStats, TokenLogprob
from inference.scheduler import Finished, RequestStream
from inference.scheduler.backlog import Backlog

TOKEN = TokenLogprob(b"word", -1.0, [(b"other", -2.0)] * 20)
DONE = Finished("stop", RequestStats(), 0)
MIB = 1024 * 1024


@contextlib.asynccontextmanager
async def asked(stream: RequestStream) -> AsyncIterator[socket.socket]:
    """A real connection to a real server that has asked for the answer and reads nothing."""
    answer = Answer([Choice(stream)], NdjsonWriter("m", chat_content), is_streaming=True)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    server = uvicorn.Server(
        uvicorn.Config(answer, http="httptools", lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    client = socket.socket()
    try:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, listener.getsockname())
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        yield client
    finally:
        client.close()
        server.should_exit = True
        await serving
        listener.close()


async def write(stream: RequestStream, num_tokens: int) -> int:
    """The number of tokens after which the stream was over, as a runner would see it: each in a turn of the loop."""
    for number in range(num_tokens):
        if stream.is_ended:
            return number
        stream.put_output("word", 1, [TOKEN])
        await asyncio.sleep(0)
    return num_tokens


async def lines_of(client: socket.socket) -> list[dict[str, object]]:
    content = b""
    while chunk := await asyncio.get_running_loop().sock_recv(client, MIB):
        content += chunk
    body, sizes = b"", content.partition(b"\r\n\r\n")[2]
    while sizes:
        size, _, rest = sizes.partition(b"\r\n")
        body, sizes = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return [json.loads(line) for line in body.splitlines()]


async def test_answer_that_is_not_read_is_ended_and_says_so() -> None:
    cancelled: list[bool] = []
    stream = RequestStream(lambda: cancelled.append(True), Backlog(most_each=MIB))
    async with asked(stream) as client:
        written = await write(stream, 20_000)
        assert cancelled == [True]
        # Some 3 kB each: what the sockets took, and the bound.
        assert 200 < written < 5_000
        async with asyncio.timeout(20):
            *lines, last = await lines_of(client)

    assert last["code"] == "reader_too_slow"
    assert all("message" in line for line in lines)


async def test_answer_that_is_read_late_comes_whole() -> None:
    stream = RequestStream(lambda: None, Backlog(most_each=8 * MIB))
    async with asked(stream) as client:
        assert await write(stream, 2_000) == 2_000
        stream.finish(DONE)
        async with asyncio.timeout(20):
            lines = await lines_of(client)

    tokens = [entry for line in lines for entry in line.get("logprobs", [])]  # type: ignore[attr-defined]
    assert len(tokens) == 2_000
    assert lines[-1]["done"] is True


async def test_client_that_leaves_without_having_read_ends_the_work() -> None:
    left = asyncio.Event()
    stream = RequestStream(left.set, Backlog(most_each=64 * MIB))
    async with asked(stream) as client:
        await write(stream, 2_000)
        client.close()
        async with asyncio.timeout(10):
            await left.wait()

    assert stream.is_ended
