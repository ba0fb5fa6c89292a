"""Tokens are counted where the protocol says them, never where a model wrote something that looks like it."""

import asyncio
import itertools
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.webui.api.asking import ask, begin
from tests.webui.api.conftest import key_for
from tests.webui.api.upstream import Asked, Script, ScriptedUpstream, begin_stream, read_body, send_chunk, stream, whole
from webui.api.cut_answers import CutAnswers, cut_answers
from webui.api.usage import CommentReader, LastLineReader, Usage, UsageReader
from webui.models import ApiKey, ApiKeyUsage
from webui.services.api_key_usage import write_usage
from webui.services.api_keys import revoke_key

EVENTS = b'data: {"text":"a\\n: usage {}\\n\\n"}\n\n: hearth {"event":"queued"}\n\ndata: {"b":1}\n\n'
COMMENT = b': usage {"prompt_tokens":7,"completion_tokens":5}\n\n'
END = b"data: [DONE]\n\n"
CHAT = {"model": "smollm2:135m", "messages": []}


def read(reader: UsageReader, pieces: list[bytes]) -> bytes:
    return b"".join([*(reader.take(piece) for piece in pieces), reader.end()])


def cut_at(data: bytes, *places: int) -> list[bytes]:
    return [data[a:b] for a, b in itertools.pairwise([0, *sorted(places), len(data)])]


@pytest.mark.parametrize("stream_of", [COMMENT + END, EVENTS + COMMENT + END, EVENTS + COMMENT, END + COMMENT])
def test_comment_is_taken_out_wherever_the_stream_is_cut(stream_of: bytes) -> None:
    for place in range(len(stream_of) + 1):
        for pieces in (cut_at(stream_of, place), cut_at(stream_of, place, min(place + 3, len(stream_of)))):
            reader = CommentReader()

            assert read(reader, pieces) == stream_of.replace(COMMENT, b""), pieces
            assert reader.usage == Usage(7, 5), pieces


@pytest.mark.parametrize(
    "text",
    [
        EVENTS,
        b": usage",
        b": usa\n\n",
        b"data: x: usage 1\n\n",
        b": usage " + b"x" * 2000,
        b"",
        b"\n\n",
        b": usage {}",
        b"x: usage {}\n\n",
    ],
)
def test_stream_without_the_comment_goes_through_unchanged(text: bytes) -> None:
    for size in (1, 2, 7, len(text) or 1):
        reader = CommentReader()
        pieces = [text[start : start + size] for start in range(0, len(text), size)]

        assert read(reader, pieces) == text
        assert reader.usage is None


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b'{"done":false}\n{"done":true,"prompt_eval_count":3,"eval_count":2}\n', Usage(3, 2)),
        (b'{"response":"{\\"eval_count\\":9}\\n{\\"eval_count\\":9}","done":true,"eval_count":2}\n', Usage(0, 2)),
        (b'{"eval_count":9}\n{"error":"lost"}\n', Usage(0, 0)),
        (b'{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":6,"total_tokens":10}}', Usage(4, 6)),
        (b'{"type":"message","usage":{"input_tokens":4,"output_tokens":6}}', Usage(4, 6)),
        (b'{"embeddings":[[0.5]],"prompt_eval_count":3}', Usage(3, 0)),
        (b'{"eval_count":"9"}', None),
        (b'{"eval_count":9', None),
        (b"", None),
    ],
)
def test_last_line_says_how_many_tokens(body: bytes, usage: Usage | None) -> None:
    for size in (1, 5, len(body) or 1):
        reader = LastLineReader()
        pieces = [body[start : start + size] for start in range(0, len(body), size)]

        assert read(reader, pieces) == body
        assert reader.usage == usage


def test_endless_line_is_not_kept() -> None:
    reader = LastLineReader()
    for _ in range(200):
        reader.take(b"x" * 65536)

    assert sum(map(len, reader._line)) <= 8 * 1024 * 1024


async def counted(key: ApiKey) -> tuple[int, int, int]:
    await sync_to_async(write_usage)()
    usage = await ApiKeyUsage.objects.aget(key=key)
    return usage.requests, usage.prompt_tokens, usage.completion_tokens


@pytest.mark.django_db(transaction=True)
async def test_usage_is_counted_for_the_key(site: Any, upstream: ScriptedUpstream) -> None:
    key, text = await key_for("chat", "embed")
    header = [("Hearth-Usage", '{"prompt_tokens":100,"completion_tokens":10}')]
    upstream.scripts["POST /api/generate"] = whole(b'{"prompt_eval_count":9999,"response":"x"}', headers=header)
    upstream.scripts["POST /api/chat"] = stream(b'{"done":false}\n', b'{"done":true,"prompt_eval_count":30,"eval_count":2}\n')
    upstream.scripts["POST /v1/chat/completions"] = stream(EVENTS, COMMENT, END, kind="text/event-stream")

    whole_answer = await ask(site, "POST", "/api/generate", key=text, json_body=CHAT)
    await ask(site, "POST", "/api/chat", key=text, json_body=CHAT)
    events = await ask(site, "POST", "/v1/chat/completions", key=text, json_body=CHAT)
    await ask(site, "POST", "/api/pull", key=text, json_body=CHAT)

    assert await counted(key) == (4, 137, 17)
    assert "hearth-usage" not in whole_answer.headers and events.body == EVENTS + END


@pytest.mark.django_db(transaction=True)
async def test_answer_that_its_client_leaves_is_counted_as_a_request(site: Any, upstream: ScriptedUpstream) -> None:
    async def endless(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer)
        await send_chunk(writer, b'{"done":false}\n')

    key, text = await key_for("chat")
    upstream.scripts["POST /api/chat"] = endless
    asking = begin(site, "POST", "/api/chat", key=text, json_body=CHAT)
    await asking.until(lambda answer: answer.pieces)
    await asking.leave()
    await cut_answers.settled()

    assert await counted(key) == (1, 0, 0)
    request, question = upstream.asked
    assert question.target == f"/api/hearth/usage/{request.header('hearth-request')}"
    # A question in somebody's name would not be answered.
    assert question.header("hearth-caller") is None


def endless(first: bytes, kind: str) -> Script:
    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer, kind)
        await send_chunk(writer, first)

    return script


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "script", "ending", "expected"),
    [
        ("/api/chat", endless(b'{"done":false}\n', "application/x-ndjson"), "leave", (1, 30, 4)),
        ("/v1/chat/completions", endless(EVENTS, "text/event-stream"), "leave", (1, 30, 4)),
        ("/v1/messages", endless(EVENTS, "text/event-stream"), "revoke", (1, 30, 4)),
        # The runtime itself gave it up: what it says then is an error.
        ("/api/chat", stream(b'{"done":false}\n', b'{"error":"too slow","code":"reader_too_slow"}\n'), "", (1, 30, 4)),
        ("/v1/completions", stream(EVENTS, kind="text/event-stream", cut=True), "", (1, 30, 4)),
        # All was said before it was cut.
        ("/v1/chat/completions", endless(EVENTS + COMMENT, "text/event-stream"), "leave", (1, 7, 5)),
        # Nothing was computed.
        ("/api/chat", whole(b'{"error":"no such model"}', status="404 Not Found"), "", (1, 0, 0)),
    ],
)
async def test_answer_that_is_cut_off_is_counted_by_what_the_runtime_computed(
    site: Any, upstream: ScriptedUpstream, path: str, script: Script, ending: str, expected: tuple[int, int, int]
) -> None:
    key, text = await key_for("chat")
    upstream.scripts[f"POST {path}"] = script
    asking = begin(site, "POST", path, key=text, json_body=CHAT)
    async with asyncio.timeout(20):
        await upstream.has_come.wait()
    target = f"/api/hearth/usage/{upstream.asked[0].header('hearth-request')}"
    upstream.scripts[f"GET {target}"] = whole(b'{"prompt_tokens":30,"completion_tokens":4}')

    if ending:
        await asking.until(lambda answer: answer.pieces)
    if ending == "leave":
        await asking.leave()
    elif ending == "revoke":
        await sync_to_async(revoke_key)(key.user, key.pk)
    await asking.finished()
    await cut_answers.settled()

    assert await counted(key) == expected
    assert [asked.target for asked in upstream.asked[1:]] == ([target] if expected[1] == 30 else [])


@pytest.mark.django_db(transaction=True)
async def test_client_cannot_name_its_request(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    """Whoever could would have other people's requests counted, or their own forgotten."""
    upstream.scripts["POST /api/chat"] = whole(b'{"eval_count":1}')
    forged = (b"hearth-request", b"0" * 32)

    await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT, headers=[forged])
    asked = await ask(site, "GET", f"/api/hearth/usage/{'0' * 32}", key=member_key)

    ids = [value for name, value in upstream.asked[0].headers if name.lower() == "hearth-request"]
    assert len(ids) == 1 and len(ids[0]) == 32 and ids[0] != "0" * 32
    assert asked.status == 404 and len(upstream.asked) == 1


@pytest.mark.django_db(transaction=True)
async def test_flood_of_cut_answers_is_bounded(upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webui.api.cut_answers.MOST_WAITING", 20)
    key, _text = await key_for("chat")
    answers = CutAnswers()

    for number in range(200):
        answers.ask(key.pk, f"{number:032x}", told=Usage(1, 1))
    await answers.settled()

    assert len(upstream.asked) == 20
    await sync_to_async(write_usage)()
    usage = await ApiKeyUsage.objects.aget(key=key)
    assert (usage.requests, usage.prompt_tokens, usage.completion_tokens) == (0, 20, 20)
