"""Bytes go through as they come, in both directions, and what ends on one side ends on the other."""

import asyncio
import json
import zlib
from typing import Any

import pytest

from tests.webui.api.asking import ask, begin
from tests.webui.api.upstream import Asked, ScriptedUpstream, begin_stream, read_body, send_chunk, stream, whole

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = {"model": "smollm2:135m", "messages": []}
LINES = [
    b'{"message":{"content":"\xe4\xbd"}}\n',
    b'{"message":{"content":"b"}}\n',
    b'{"done":true,"prompt_eval_count":3,"eval_count":2}\n',
]


async def test_answer_comes_piece_by_piece_as_it_was_sent(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    taken = asyncio.Event()

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer)
        for line in LINES:
            await send_chunk(writer, line)
            await taken.wait()
            taken.clear()
        await send_chunk(writer, b"")

    upstream.scripts["POST /api/chat"] = script
    asking = begin(site, "POST", "/api/chat", key=member_key, json_body=CHAT)
    for number, line in enumerate(LINES, 1):
        await asking.until(lambda answer, number=number: len(answer.pieces) == number)
        assert asking.answer.pieces[-1] == line
        taken.set()
    answer = await asking.finished()

    assert (answer.status, answer.body, answer.is_whole) == (200, b"".join(LINES), True)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "transfer-encoding" not in answer.headers and "content-encoding" not in answer.headers


async def test_body_arrives_as_it_was_sent(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    upstream.scripts["POST /api/chat"] = whole(b"{}")
    body = b'\xef\xbb\xbf {"MODEL" : "smollm2:135m", "n":1.0e2,\n"x":"\\u4f60\xff"} trailing'

    await ask(site, "POST", "/api/chat?a=1&b=%20", key=member_key, body=[body[:7], body[7:20], body[20:]])
    upstream.scripts["POST /api/chat?a=1&b=%20"] = whole(b"{}")
    await ask(site, "POST", "/api/chat?a=1&b=%20", key=member_key, body=[body[:7], body[7:20], body[20:]])

    asked = upstream.asked[-1]
    assert (asked.target, bytes(asked.body)) == ("/api/chat?a=1&b=%20", body)


async def test_headers_for_the_other_end_go_on_and_others_stay(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    told = [("Retry-After", "7"), ("Set-Cookie", "a=b"), ("X-Kept", "yes"), ("Connection", "close, X-Hop"), ("X-Hop", "1")]
    told += [("Hearth-Usage", '{"prompt_tokens":1}'), ("Access-Control-Allow-Origin", "null"), ("Server", "x")]
    upstream.scripts["POST /api/chat"] = whole(b'{"error":"full"}', status="503 Service Unavailable", headers=told)
    sent = [
        (b"content-type", b"text/plain"),
        (b"user-agent", b"mine"),
        (b"cookie", b"a=b"),
        (b"x-api-key", member_key.encode()),
        (b"te", b"trailers"),
    ]
    sent += [(b"hearth-caller", b"user:1/key:1"), (b"connection", b"x-mine"), (b"x-mine", b"1"), (b"x-forwarded-for", b"1.1.1.1")]
    sent += [
        (b"accept-encoding", b"gzip"),
        (b"upgrade", b"websocket"),
        (b"anthropic-version", b"2023-06-01"),
        (b"x-split", b"a\nb: c"),
    ]

    answer = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT, headers=sent)

    assert answer.status == 503 and answer.body == b'{"error":"full"}'
    assert answer.headers == {
        "content-type": "application/json", "content-length": "16", "retry-after": "7", "x-kept": "yes",
        "x-content-type-options": "nosniff",
    }  # fmt: skip
    asked = upstream.asked[0]
    names = [name.lower() for name, _ in asked.headers]
    assert sorted(names) == sorted(
        [
            "host",
            "content-type",
            "user-agent",
            "anthropic-version",
            "hearth-caller",
            "hearth-request",
            "content-length",
            "connection",
        ]
    )
    assert asked.header("host") == "localhost" and asked.header("connection") == "close"
    assert asked.header("hearth-caller") != "user:1/key:1"


@pytest.mark.parametrize("name", ["content-encoding", "Content-Encoding", "content-length", "hearth-caller", "host"])
async def test_connection_cannot_name_headers_that_the_runtime_reads_the_body_by(
    site: Any, upstream: ScriptedUpstream, member_key: str, name: str
) -> None:
    """What was read here, uncompressed, to see which models it names, has to be what the runtime reads."""
    upstream.scripts["POST /api/chat"] = whole(b"{}")
    body = zlib.compress(json.dumps(CHAT).encode())
    sent = [(b"content-encoding", b"deflate"), (b"connection", f"close, {name}".encode())]

    answer = await ask(site, "POST", "/api/chat", key=member_key, body=body, headers=sent)

    assert answer.status == 200
    asked = upstream.asked[0]
    assert asked.header("content-encoding") == "deflate" and bytes(asked.body) == body
    assert asked.header("content-length") == str(len(body)) and asked.header("host") == "localhost"
    assert (asked.header("hearth-caller") or "").startswith("user:")


async def test_large_upload_goes_through_unread_and_a_slow_runtime_holds_it_up(
    site: Any, upstream: ScriptedUpstream, manager_key: str
) -> None:
    size, pieces = 0, 0
    release = asyncio.Event()

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal size
        await release.wait()
        length = int(asked.header("content-length") or 0)
        while size < length:
            size += len(await reader.read(1 << 20))
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    class Pieces(list[bytes]):
        def pop(self, index: Any = -1) -> bytes:
            nonlocal pieces
            pieces += 1
            return super().pop(index)

    piece = b"x" * 65536
    total = 40 * 1024 * 1024
    upstream.scripts["POST /api/blobs/sha256:aa"] = script
    body = [piece] * (total // len(piece))
    asking = begin(site, "POST", "/api/blobs/sha256:aa", key=manager_key, body=body)
    asking._body = Pieces(body)
    for _ in range(200):
        await asyncio.sleep(0)
    held_up_at = pieces
    release.set()
    answer = await asking.finished()

    assert (answer.status, size, pieces) == (201, total, len(body))
    assert held_up_at * len(piece) < 2 * 1024 * 1024


async def test_chunked_upload_stays_chunked(site: Any, upstream: ScriptedUpstream, manager_key: str) -> None:
    upstream.scripts["POST /api/blobs/sha256:aa"] = whole(b"", status="201 Created")

    answer = await ask(
        site,
        "POST",
        "/api/blobs/sha256:aa",
        key=manager_key,
        body=[b"one", b"", b"two"],
        headers=[(b"transfer-encoding", b"chunked")],
    )

    assert answer.status == 201 and bytes(upstream.asked[0].body) == b"onetwo"
    assert upstream.asked[0].header("content-length") is None


async def test_slow_reader_holds_up_the_runtime(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    sent = 0
    line = b'{"message":{"content":"' + b"x" * 4000 + b'"}}\n'
    was_held_up = asyncio.Event()

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_body(asked, reader)
        await begin_stream(writer)
        while sent < 5000:
            sent += 1
            try:
                async with asyncio.timeout(0.3):
                    await send_chunk(writer, line)
            except TimeoutError:
                was_held_up.set()
                await writer.drain()
        await send_chunk(writer, b"")

    upstream.scripts["POST /api/chat"] = script
    asking = begin(site, "POST", "/api/chat", key=member_key, json_body=CHAT)
    await asking.until(lambda answer: answer.pieces)
    asking.takes.clear()
    async with asyncio.timeout(20):
        await was_held_up.wait()
    held_up_at = sent
    asking.takes.set()
    answer = await asking.finished()

    assert held_up_at < 1000 and sent == 5000
    assert answer.body == line * 5000


async def test_client_that_goes_away_ends_the_request_at_the_runtime(
    site: Any, upstream: ScriptedUpstream, member_key: str
) -> None:
    async def endless(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer)
        await send_chunk(writer, LINES[1])

    async def silent(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)

    upstream.scripts["POST /api/chat"] = endless
    upstream.scripts["POST /api/generate"] = silent
    streaming = begin(site, "POST", "/api/chat", key=member_key, json_body=CHAT)
    await streaming.until(lambda answer: answer.pieces)
    await streaming.leave()
    upstream.has_come.clear()
    waiting = begin(site, "POST", "/api/generate", key=member_key, json_body=CHAT)
    async with asyncio.timeout(20):
        await upstream.has_come.wait()
    await waiting.leave()

    async with asyncio.timeout(20):
        for asked in upstream.asked:
            await asked.is_closed.wait()
    assert not streaming.answer.is_whole and not waiting.answer.status


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
async def test_runtime_that_is_away_is_told_apart_from_one_that_breaks_off(
    site: Any, upstream: ScriptedUpstream, member_key: str, settings: Any, path: str
) -> None:
    async def broken(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        writer.close()

    upstream.scripts[f"POST {path}"] = broken
    cut = await ask(site, "POST", path, key=member_key, json_body=CHAT)
    settings.INFERENCE_URL = "unix:/nowhere/inference.sock"
    away = await ask(site, "POST", path, key=member_key, json_body=CHAT)

    assert (cut.status, away.status, away.headers["retry-after"]) == (502, 503, "5")
    for answer in (cut, away):
        assert answer.is_whole and ("error" in answer.json)
    sentence = away.json["error"] if path == "/api/chat" else away.json["error"]["message"]
    assert sentence == "The model runtime does not answer."


async def test_stream_that_breaks_off_ends_with_the_error_of_its_protocol(
    site: Any, upstream: ScriptedUpstream, member_key: str
) -> None:
    upstream.scripts["POST /api/chat"] = stream(LINES[1], b'{"half":', cut=True)
    for path in ("/v1/chat/completions", "/v1/messages"):
        upstream.scripts[f"POST {path}"] = stream(b'data: {"a":1}\n\n', kind="text/event-stream", cut=True)

    lines = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)
    events = await ask(site, "POST", "/v1/chat/completions", key=member_key, json_body=CHAT)
    named = await ask(site, "POST", "/v1/messages", key=member_key, json_body=CHAT)

    assert lines.is_whole and events.is_whole and named.is_whole
    assert json.loads(lines.body.splitlines()[-1])["code"] == "stream_broken" and lines.body.endswith(b"\n")
    assert json.loads(events.body.split(b"\n\n")[1].removeprefix(b"data: "))["error"]["code"] == "stream_broken"
    assert named.body.split(b"\n\n")[1].startswith(b'event: error\ndata: {"type":"error"')


async def test_whole_answer_that_breaks_off_is_left_unfinished(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":')
        await writer.drain()
        writer.close()

    upstream.scripts["POST /api/chat"] = script

    answer = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)

    assert (answer.status, answer.body, answer.is_whole) == (200, b'{"a":', False)


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
)
async def test_runtime_that_speaks_no_http_is_a_bad_gateway(
    site: Any, upstream: ScriptedUpstream, member_key: str, raw: bytes
) -> None:
    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        writer.write(raw)
        await writer.drain()

    upstream.scripts["POST /api/chat"] = script

    answer = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)

    assert (answer.status, answer.json["code"]) == (502, "stream_broken")


async def test_head_has_no_body_and_says_how_long_it_would_be(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    upstream.scripts["HEAD /api/version"] = whole(b'{"version":"1"}')

    answer = await ask(site, "HEAD", "/api/version", key=member_key)

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "15")


async def test_delete_has_its_body(site: Any, upstream: ScriptedUpstream, manager_key: str) -> None:
    upstream.scripts["DELETE /api/delete"] = whole(b"")

    answer = await ask(site, "DELETE", "/api/delete", key=manager_key, json_body={"model": "tiny"})

    assert answer.status == 200 and json.loads(upstream.asked[0].body) == {"model": "tiny"}
