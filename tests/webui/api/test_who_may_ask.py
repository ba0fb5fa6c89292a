"""Keys, and nothing else, open the API; each only what it is for; all of it asked anew every time."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from tests.factories import make_administrator, make_user
from tests.webui.api.asking import ask, begin
from tests.webui.api.conftest import key_for
from tests.webui.api.upstream import ScriptedUpstream, whole
from webui.api.keys import failed_keys
from webui.enums import Role
from webui.models import ApiKey, User
from webui.services import api_keys
from webui.services.api_keys import KeyHolder

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = {"model": "smollm2:135m", "messages": []}


@pytest.fixture(autouse=True)
def answers(upstream: ScriptedUpstream) -> None:
    for line in ("POST /api/chat", "POST /v1/chat/completions", "POST /v1/messages", "POST /api/embed", "POST /api/pull"):
        upstream.scripts[line] = whole(b'{"ok":1}')
    upstream.scripts["GET /api/version"] = whole(b'{"version":"1"}')
    upstream.scripts["GET /openapi.json"] = whole(b'{"openapi":"3.1.0"}')


async def test_request_without_a_key_is_refused_in_the_shape_of_its_path(site: Any, upstream: ScriptedUpstream) -> None:
    refused = {
        path: await ask(site, "POST", path, json_body=CHAT) for path in ("/api/chat", "/v1/chat/completions", "/v1/messages")
    }

    assert {answer.status for answer in refused.values()} == {401}
    assert {answer.headers["www-authenticate"] for answer in refused.values()} == {'Bearer realm="Hearth"'}
    assert refused["/api/chat"].json["code"] == "invalid_api_key"
    assert refused["/v1/chat/completions"].json["error"]["type"] == "authentication_error"
    assert refused["/v1/messages"].json["type"] == "error"
    assert upstream.asked == []


async def test_session_never_opens_the_api(site: Any, upstream: ScriptedUpstream) -> None:
    client = Client()
    administrator = await sync_to_async(make_administrator)()
    await sync_to_async(client.force_login)(administrator)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()).encode()
    assert b"session" in cookies

    answer = await ask(
        site, "POST", "/api/chat", json_body=CHAT, headers=[(b"cookie", cookies), (b"origin", b"http://hearth.example")]
    )

    assert (answer.status, answer.json["code"], upstream.asked) == (401, "invalid_api_key", [])
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("header", ["authorization: Bearer {}", "authorization: bearer   {}", "x-api-key: {}"])
async def test_key_opens_by_either_header(site: Any, upstream: ScriptedUpstream, member_key: str, header: str) -> None:
    name, _, value = header.format(member_key).partition(": ")

    answer = await ask(site, "POST", "/api/chat", json_body=CHAT, headers=[(name.encode(), value.encode())])

    assert (answer.status, answer.body) == (200, b'{"ok":1}')
    asked = upstream.asked[0]
    assert member_key not in str(asked.headers)
    assert asked.header(
        "hearth-caller",
    ).startswith("user:")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "given",
    [
        ["authorization: Bearer {key}", "authorization: Bearer {other}"],
        ["authorization: Bearer {key}", "authorization: Bearer {key}"],
        ["authorization: Basic YTpi", "authorization: Bearer {key}"],
        ["x-api-key: {key}", "x-api-key: {other}"],
        ["x-api-key: {key}", "x-api-key: "],
        ["authorization: Bearer {key}", "x-api-key: {other}"],
        ["authorization: Bearer {other}", "x-api-key: {key}"],
        ["authorization: Bearer {key}", "x-api-key: nothing"],
    ],
)
async def test_request_with_more_than_one_key_is_refused(
    site: Any, upstream: ScriptedUpstream, member_key: str, given: list[str]
) -> None:
    """A proxy in front may have looked at the other one."""
    other = (await key_for("chat"))[1]
    lines = [line.format(key=member_key, other=other).split(": ", 1) for line in given]

    answer = await ask(
        site, "POST", "/api/chat", json_body=CHAT, headers=[(name.encode(), value.encode()) for name, value in lines]
    )

    assert (answer.status, answer.json["code"], upstream.asked) == (400, "ambiguous_api_key", [])
    assert member_key not in answer.body.decode() and other not in answer.body.decode()


@pytest.mark.parametrize(
    "given",
    [
        ["authorization: Bearer {key}", "x-api-key: {key}"],
        # Of a proxy that asks for a password of its own.
        ["authorization: Basic YTpi", "x-api-key: {key}"],
        ["authorization: Bearer ", "x-api-key: {key}"],
        ["authorization: Bearer {key}", "x-api-key: "],
    ],
)
async def test_key_that_is_told_in_both_places_or_beside_something_else_opens(
    site: Any, upstream: ScriptedUpstream, member_key: str, given: list[str]
) -> None:
    lines = [line.format(key=member_key).split(": ", 1) for line in given]

    answer = await ask(
        site, "POST", "/api/chat", json_body=CHAT, headers=[(name.encode(), value.encode()) for name, value in lines]
    )

    assert (answer.status, answer.body) == (200, b'{"ok":1}')


async def test_wrong_keys_that_come_at_once_are_looked_up_no_more_often(
    site: Any, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who sends a thousand at a time would be counted when all have been looked up."""
    looked_up: list[str] = []

    def authenticate(text: str) -> KeyHolder | None:
        looked_up.append(text)
        return api_keys.authenticate(text)

    monkeypatch.setattr("webui.api.keys.authenticate", authenticate)
    key_text = (await key_for("chat"))[1]
    wrong = [begin(site, "POST", "/api/chat", key=f"hearth-{number:043}", json_body=CHAT) for number in range(60)]
    elsewhere = begin(site, "POST", "/api/chat", key=key_text, json_body=CHAT, client=["192.0.2.8", 1])

    statuses = [(await asking.finished()).status for asking in wrong]

    assert sorted(statuses) == [401] * 20 + [429] * 40
    assert (await elsewhere.finished()).status == 200
    assert len(looked_up) == 21
    assert not failed_keys.is_waited_for


async def test_right_keys_of_one_address_that_come_at_once_all_open(site: Any, upstream: ScriptedUpstream) -> None:
    """A class that begins its lesson."""
    keys = [(await key_for("chat"))[1] for _ in range(30)]
    asked = [begin(site, "POST", "/api/chat", key=key, json_body=CHAT) for key in keys]

    assert {(await asking.finished()).status for asking in asked} == {200}


async def test_key_elsewhere_opens_nothing(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    cookie = [(b"cookie", f"authorization=Bearer {member_key}; x-api-key={member_key}".encode())]
    basic = [(b"authorization", b"Basic " + member_key.encode())]

    statuses = [
        (await ask(site, "POST", target, json_body=CHAT, headers=headers)).status
        for target, headers in (
            ("/api/chat", cookie),
            ("/api/chat", basic),
            (f"/api/chat?key={member_key}&api_key={member_key}", []),
        )
    ]

    assert statuses == [401, 401, 401] and upstream.asked == []


async def test_scope_decides_what_a_key_opens(site: Any, upstream: ScriptedUpstream) -> None:
    administrator = await sync_to_async(make_administrator)()
    keys = {scope: (await key_for(scope, user=administrator))[1] for scope in ("chat", "embed", "manage")}
    lines = ("POST /api/chat", "POST /v1/messages", "POST /api/embed", "POST /api/pull", "GET /api/version")

    opened = {
        scope: [
            (await ask(site, *line.split(), key=key, json_body=CHAT if "POST" in line else None)).status for line in lines
        ]
        for scope, key in keys.items()
    }  # fmt: skip

    assert opened == {
        "chat": [200, 200, 403, 403, 200],
        "embed": [403, 403, 200, 403, 200],
        "manage": [403, 403, 403, 200, 200],
    }
    refused = await ask(site, "POST", "/api/pull", key=keys["chat"], json_body=CHAT)
    assert 'scope="manage"' in refused.headers["www-authenticate"] and "manage" in refused.json["error"]


async def test_key_ends_with_what_it_stands_on(site: Any, upstream: ScriptedUpstream) -> None:
    """Each is refused at the very next request, without anything having been restarted."""

    async def opens(line: str, change: Any) -> tuple[int, int]:
        person = await sync_to_async(make_administrator)()
        key, text = await key_for("chat", "manage", user=person)
        before = await ask(site, *line.split(), key=text, json_body=CHAT)
        await sync_to_async(change)(person, key)
        return before.status, (await ask(site, *line.split(), key=text, json_body=CHAT)).status

    def revoke(person: User, key: ApiKey) -> None:
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())

    def expire(person: User, key: ApiKey) -> None:
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    def shut_out(person: User, key: ApiKey) -> None:
        User.objects.filter(pk=person.pk).update(is_active=False)

    def send_to_wait(person: User, key: ApiKey) -> None:
        User.objects.filter(pk=person.pk).update(is_approved=False)

    def demote(person: User, key: ApiKey) -> None:
        User.objects.filter(pk=person.pk).update(role=Role.MEMBER)

    def delete(person: User, key: ApiKey) -> None:
        person.delete()

    for change in (revoke, expire, shut_out, send_to_wait, delete):
        assert await opens("POST /api/chat", change) == (200, 401), change.__name__
    assert await opens("POST /api/pull", demote) == (200, 403)
    assert await opens("POST /api/chat", demote) == (200, 200)


async def test_stranger_learns_nothing_of_paths_and_methods(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    targets = ["GET /api/unknown", "GET /api/chat", "OPTIONS /api/chat", "POST /api/hearth/forget", "GET /v1/unknown"]

    without = [(await ask(site, *line.split())).status for line in targets]
    with_key = [await ask(site, *line.split(), key=member_key) for line in targets]

    assert without == [401] * 5
    assert [answer.status for answer in with_key] == [404, 405, 405, 404, 404]
    assert with_key[0].body == b"404 page not found" and with_key[1].headers["allow"] == "POST"
    assert with_key[4].json["error"]["message"] == "404 page not found"
    assert upstream.asked == []


@pytest.mark.parametrize(
    "target",
    ["/api/../api/chat", "/api/%2e%2e/api/chat", "/api/%2E/chat", "/api//chat", "/api/chat%2f", "/api/chat/", "/api/%63hat%00"],
)
async def test_tricks_with_paths_reach_nothing(site: Any, upstream: ScriptedUpstream, manager_key: str, target: str) -> None:
    answer = await ask(site, "POST", target, key=manager_key, json_body=CHAT)

    assert (answer.status, upstream.asked) == (404, [])


async def test_encoded_path_is_the_path_it_stands_for(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    answer = await ask(site, "POST", "/%61pi/ch%61t", key=member_key, json_body=CHAT)

    assert answer.status == 200 and upstream.asked[0].target == "/api/chat"


async def test_description_of_the_api_is_for_everybody(site: Any, upstream: ScriptedUpstream) -> None:
    answer = await ask(site, "GET", "/openapi.json")

    assert answer.json == {"openapi": "3.1.0"}
    assert upstream.asked[0].header("hearth-caller") is None


async def test_many_wrong_keys_are_no_longer_looked_up(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    wrong = [(await ask(site, "POST", "/v1/messages", key=f"hearth-{'x' * 43}", json_body=CHAT)) for _ in range(21)]
    elsewhere = await ask(site, "POST", "/api/chat", key="wrong", json_body=CHAT, client=["192.0.2.8", 1])
    unknown_but_right = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)

    assert [answer.status for answer in wrong] == [401] * 20 + [429]
    assert 0 < int(wrong[-1].headers["retry-after"]) <= 61 and wrong[-1].json["type"] == "error"
    assert elsewhere.status == 401
    assert unknown_but_right.status == 429


async def test_wrong_keys_of_a_neighbour_leave_those_in_use_alone(site: Any, upstream: ScriptedUpstream, member_key: str) -> None:
    assert (await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)).status == 200
    for _ in range(21):
        await ask(site, "POST", "/api/chat", key="wrong", json_body=CHAT)

    assert (await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)).status == 200


async def test_address_behind_proxies_is_counted_as_the_site_counts(site: Any, upstream: ScriptedUpstream, settings: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    for number in range(20):
        forged = [(b"x-forwarded-for", f"10.0.0.{number}, 198.51.100.1".encode())]
        await ask(site, "POST", "/api/chat", key="wrong", json_body=CHAT, headers=forged)

    same = await ask(site, "POST", "/api/chat", key="wrong", headers=[(b"x-forwarded-for", b"1.2.3.4, 198.51.100.1")])
    other = await ask(site, "POST", "/api/chat", key="wrong", headers=[(b"x-forwarded-for", b"198.51.100.1, 198.51.100.2")])

    assert (same.status, other.status) == (429, 401)


async def test_page_of_any_origin_is_let_in_and_its_preflight_needs_no_key(
    site: Any, upstream: ScriptedUpstream, member_key: str
) -> None:
    origin = (b"origin", b"https://pages.example")
    asked = [
        origin,
        (b"access-control-request-method", b"POST"),
        (b"access-control-request-headers", b"authorization,x-stainless-os"),
    ]

    preflight = await ask(site, "OPTIONS", "/v1/chat/completions", headers=asked)
    answer = await ask(site, "POST", "/v1/chat/completions", key=member_key, json_body=CHAT, headers=[origin])
    refused = await ask(site, "POST", "/v1/chat/completions", json_body=CHAT, headers=[origin])

    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert "access-control-allow-credentials" not in preflight.headers
    assert answer.headers["access-control-allow-origin"] == refused.headers["access-control-allow-origin"] == "*"
    assert upstream.asked[0].header("origin") is None


async def test_site_below_a_path_serves_the_api_there(
    site: Any, upstream: ScriptedUpstream, member_key: str, settings: Any
) -> None:
    settings.SCRIPT_NAME = "/hearth"

    kept = await ask(site, "POST", "/hearth/api/chat", key=member_key, json_body=CHAT)
    cut = await ask(site, "POST", "/api/chat", key=member_key, json_body=CHAT)

    assert (kept.status, cut.status) == (200, 200)
    assert [asked.target for asked in upstream.asked] == ["/api/chat", "/api/chat"]


async def test_pages_are_not_taken_for_the_api(site: Any, upstream: ScriptedUpstream) -> None:
    answer = await ask(site, "GET", "/api-reference-that-is-a-page/")

    assert answer.status in (302, 404) and "www-authenticate" not in answer.headers


async def test_key_of_a_member_never_manages(site: Any, upstream: ScriptedUpstream) -> None:
    member = await sync_to_async(make_user)()
    key, text = await key_for("chat", user=member)
    await ApiKey.objects.filter(pk=key.pk).aupdate(scopes=["chat", "manage"])

    assert (await ask(site, "POST", "/api/pull", key=text, json_body=CHAT)).status == 403
