"""A key that ends takes along what is being answered with it, whichever way and in whichever process it ended."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from tests.factories import make_administrator, make_user
from tests.webui.api.asking import Asking, ask, begin
from tests.webui.api.conftest import key_for
from tests.webui.api.upstream import Asked, Script, ScriptedUpstream, begin_stream, read_body, send_chunk, whole
from webui.enums import Role
from webui.models import ApiKey, User
from webui.services.api_keys import revoke_key
from webui.services.people import change_role, delete_person, disable_person

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = {"model": "smollm2:135m", "messages": []}


@pytest.fixture(autouse=True)
async def often(upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from webui.services.inference_client import inference_client

    monkeypatch.setattr("webui.api.key_watch.SECONDS_BETWEEN_LOOKS", 0.02)
    yield
    # Who deletes a person has the runtime forget what was computed for them.
    await inference_client().aclose()


def endless(first: bytes, kind: str = "application/x-ndjson") -> Script:
    """Sends one piece and then nothing, and never ends."""

    async def script(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer, kind)
        await send_chunk(writer, first)

    return script


async def silent(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_body(asked, reader)


async def forgotten(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await whole(b'{"status":"success","deleted":0}', headers=[("Connection", "close")])(asked, reader, writer)
    writer.close()


async def has_begun(asking: Asking) -> None:
    await asking.until(lambda answer: answer.pieces)


def revoke(key: ApiKey, by: User) -> None:
    revoke_key(key.user, key.pk)


def expire(key: ApiKey, by: User) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def disable(key: ApiKey, by: User) -> None:
    disable_person(key.user, by=by)


def delete(key: ApiKey, by: User) -> None:
    delete_person(key.user, by=by)


def delete_row(key: ApiKey, by: User) -> None:
    key.delete()


@pytest.mark.parametrize("end", [revoke, expire, disable, delete, delete_row])
async def test_stream_ends_with_its_key(site: Any, upstream: ScriptedUpstream, end: Callable[[ApiKey, User], None]) -> None:
    administrator = await sync_to_async(make_administrator)()
    key, text = await key_for("chat")
    _other, other_text = await key_for("chat")
    line = b'{"message":{"content":"a"},"done":false}\n'
    upstream.scripts["POST /api/chat"] = endless(line)
    upstream.scripts["POST /api/hearth/forget"] = forgotten
    asking = begin(site, "POST", "/api/chat", key=text, json_body=CHAT)
    await has_begun(asking)
    other = begin(site, "POST", "/api/chat", key=other_text, json_body=CHAT)
    await has_begun(other)

    await sync_to_async(end)(await ApiKey.objects.select_related("user").aget(pk=key.pk), administrator)
    answer = await asking.finished()

    assert answer.is_whole and answer.body.startswith(line) and answer.body.endswith(b"\n")
    [failure] = [json.loads(row) for row in answer.body.splitlines()[1:]]
    assert failure["code"] == "invalid_api_key" and "revoked" in failure["error"]
    async with asyncio.timeout(20):
        await upstream.asked[0].is_closed.wait()
    assert not other.task.done() and not upstream.asked[1].is_closed.is_set()
    await other.leave()
    if end is delete:
        async with asyncio.timeout(20):
            while not (forgets := [asked for asked in upstream.asked if asked.target == "/api/hearth/forget"]):
                upstream.has_come.clear()
                await upstream.has_come.wait()
            await forgets[0].is_closed.wait()


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/v1/chat/completions", b'data: {"choices":[]}\n\n'),
        ("/v1/messages", b'event: ping\ndata: {"type":"ping"}\n\n'),
        ("/v1/responses", b'event: response.created\ndata: {"type":"response.created"}\n\n'),
    ],
)
async def test_events_end_with_the_error_of_their_protocol(
    site: Any, upstream: ScriptedUpstream, path: str, first: bytes
) -> None:
    key, text = await key_for("chat")
    upstream.scripts[f"POST {path}"] = endless(first, "text/event-stream")
    asking = begin(site, "POST", path, key=text, json_body=CHAT)
    await has_begun(asking)

    await sync_to_async(revoke_key)(key.user, key.pk)
    answer = await asking.finished()

    assert answer.is_whole and answer.body.startswith(first) and answer.body.endswith(b"\n\n")
    fields = dict(line.split(b": ", 1) for line in answer.body[len(first) :].splitlines() if line)
    assert fields.get(b"event") == (None if path == "/v1/chat/completions" else b"error")
    error = json.loads(fields[b"data"])["error"]
    assert error["type"] == "authentication_error" and "revoked" in error["message"]


async def test_answer_that_has_not_begun_is_refused(site: Any, upstream: ScriptedUpstream) -> None:
    key, text = await key_for("chat")
    upstream.scripts["POST /api/generate"] = silent
    asking = begin(site, "POST", "/api/generate", key=text, json_body=CHAT)
    async with asyncio.timeout(20):
        await upstream.has_come.wait()

    await sync_to_async(revoke_key)(key.user, key.pk)
    answer = await asking.finished()

    assert (answer.status, answer.json["code"], answer.is_whole) == (401, "invalid_api_key", True)
    assert "invalid_token" in answer.headers["www-authenticate"]
    async with asyncio.timeout(20):
        await upstream.asked[0].is_closed.wait()


async def test_body_that_comes_slowly_does_not_outlive_its_key(site: Any, upstream: ScriptedUpstream) -> None:
    """Whoever opens many requests while a key works, and withholds their ends, has nothing of it afterwards."""
    key, text = await key_for("chat")
    upstream.scripts["POST /api/chat"] = silent
    asking = begin(site, "POST", "/api/chat", key=text, body=b'{"model":', headers=[(b"content-length", b"1000")])
    asking.withholds_end = True

    await sync_to_async(revoke_key)(key.user, key.pk)
    answer = await asking.finished()

    assert (answer.status, answer.json["code"], upstream.asked) == (401, "invalid_api_key", [])


async def test_reader_who_takes_nothing_is_cut_off_too(site: Any, upstream: ScriptedUpstream) -> None:
    key, text = await key_for("chat")

    async def fast(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        await begin_stream(writer)
        with suppress(ConnectionError):
            while True:
                await send_chunk(writer, b'{"message":{"content":"' + b"x" * 4000 + b'"}}\n')

    upstream.scripts["POST /api/chat"] = fast
    asking = begin(site, "POST", "/api/chat", key=text, json_body=CHAT)
    await has_begun(asking)
    asking.takes.clear()

    await sync_to_async(revoke_key)(key.user, key.pk)
    async with asyncio.timeout(20):
        await upstream.asked[0].is_closed.wait()
    asking.takes.set()
    answer = await asking.finished()

    assert json.loads(answer.body.splitlines()[-1])["code"] == "invalid_api_key"


async def test_managing_ends_with_the_role_and_chatting_does_not(site: Any, upstream: ScriptedUpstream) -> None:
    administrator = await sync_to_async(make_administrator)()
    person = await sync_to_async(make_user)(role=Role.ADMINISTRATOR)
    _key, text = await key_for("chat", "manage", user=person)
    upstream.scripts["POST /api/pull"] = endless(b'{"status":"pulling"}\n')
    upstream.scripts["POST /api/chat"] = endless(b'{"done":false}\n')
    pulling = begin(site, "POST", "/api/pull", key=text, json_body={"model": "tiny"})
    chatting = begin(site, "POST", "/api/chat", key=text, json_body=CHAT)
    await has_begun(pulling)
    await has_begun(chatting)

    await sync_to_async(change_role)(person, role=Role.MEMBER, by=administrator)
    pulled = await pulling.finished()

    assert json.loads(pulled.body.splitlines()[-1])["code"] == "invalid_api_key"
    assert not chatting.task.done()
    await chatting.leave()


async def test_whole_answer_in_its_middle_is_left_unfinished(site: Any, upstream: ScriptedUpstream) -> None:
    key, text = await key_for("chat")

    async def half(asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_body(asked, reader)
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":')
        await writer.drain()

    upstream.scripts["POST /api/chat"] = half
    asking = begin(site, "POST", "/api/chat", key=text, json_body=CHAT)
    await has_begun(asking)

    await sync_to_async(revoke_key)(key.user, key.pk)
    answer = await asking.finished()

    assert (answer.body, answer.is_whole) == (b'{"a":', False)


async def test_process_that_stops_says_so(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    """daphne cancels what runs when it is told to end."""
    upstream.scripts["POST /api/chat"] = endless(b'{"done":false}\n')
    upstream.scripts["POST /api/generate"] = silent
    streaming = begin(site, "POST", "/api/chat", key=member_key, json_body=CHAT)
    await has_begun(streaming)
    upstream.has_come.clear()
    waiting = begin(site, "POST", "/api/generate", key=member_key, json_body=CHAT)
    async with asyncio.timeout(20):
        await upstream.has_come.wait()

    for asking in (streaming, waiting):
        asking.task.cancel()
    await asyncio.wait({streaming.task, waiting.task}, timeout=20)

    assert streaming.task.cancelled() and waiting.task.cancelled()
    assert json.loads(streaming.answer.body.splitlines()[-1])["code"] == "engine_unavailable" and streaming.answer.is_whole
    assert (waiting.answer.status, waiting.answer.headers["retry-after"]) == (503, "5")


async def test_nothing_is_looked_up_while_nothing_is_open(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    from webui.api.key_watch import key_watch

    await ask(site, "GET", "/api/version", key=member_key)

    assert key_watch._looking is not None
    async with asyncio.timeout(20):
        await key_watch._looking
