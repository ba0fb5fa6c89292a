"""A key opens no model that its owner may not use on the pages, and says no more of one than of a model that is not there."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_administrator, make_user
from tests.webui.api.asking import ask
from tests.webui.api.conftest import key_for
from tests.webui.api.upstream import ScriptedUpstream, stream, whole
from webui.enums import Audience
from webui.models import ModelAccess, SiteSettings, User
from webui.services.model_access import set_audience, set_enabled

pytestmark = pytest.mark.django_db(transaction=True)
LISTED = b'{"models":[ {"name":"open:latest","size":1.50}, {"name":"Secret:latest","model":"Secret:latest"},{"model":"off"}]}'
CHAT = {"messages": []}


@pytest.fixture
async def decided(upstream: ScriptedUpstream) -> User:
    """`secret` is for administrators, `off` for nobody, `mine` for the member that is returned."""
    upstream.scripts["GET /api/tags"] = upstream.scripts["GET /api/ps"] = whole(LISTED)
    upstream.scripts["GET /v1/models"] = whole(b'{"object":"list","data":[{"id":"open"},{"id":"secret"}]}')
    for line in ("POST /api/chat", "POST /v1/chat/completions", "POST /api/show", "POST /api/embeddings", "GET /v1/models/open"):
        upstream.scripts[line] = whole(b"{}")

    def decide() -> User:
        administrator, member = make_administrator(), make_user()
        set_audience("secret", audience=Audience.ADMINISTRATORS, people=[], by=administrator)
        set_audience("mine", audience=Audience.CHOSEN, people=[member], by=administrator)
        set_enabled("off", is_enabled=False, by=administrator)
        return member

    member: User = await sync_to_async(decide)()
    return member


async def test_model_of_others_is_not_there(site: Any, upstream: ScriptedUpstream, decided: User) -> None:
    key = (await key_for("chat", "embed", user=decided))[1]
    named: list[tuple[str, dict[str, Any]]] = [
        ("/api/chat", {"model": "secret"}), ("/api/chat", {"model": "SECRET:latest"}), ("/api/chat", {"model": "off"}),
        ("/api/chat", {"model": "registry.ollama.ai/library/secret"}), ("/api/chat", {"model": "open", "MODEL": "secret"}),
        ("/api/chat", {"name": "secret"}), ("/api/show", {"model": "secret"}), ("/v1/chat/completions", {"model": "secret"}),
        ("/v1/messages", {"model": "secret"}), ("/api/embeddings", {"model": "secret"}),
    ]  # fmt: skip

    answers = [await ask(site, "POST", path, key=key, json_body=body) for path, body in named]
    in_path = await ask(site, "GET", "/v1/models/secret", key=key)

    assert {answer.status for answer in (*answers, in_path)} == {404} and upstream.asked == []
    assert answers[0].json == {"error": "model 'secret' not found", "code": "model_not_found"}
    assert answers[7].json["error"]["message"] == "model 'secret' not found"
    assert answers[8].json["error"]["type"] == "not_found_error"
    assert answers[9].json["error"] == 'model "secret" not found, try pulling it first'


async def test_model_that_is_open_or_chosen_for_the_owner_is_used(site: Any, upstream: ScriptedUpstream, decided: User) -> None:
    key, strangers = (await key_for("chat", user=decided))[1], (await key_for("chat"))[1]

    own = [
        (await ask(site, "POST", "/api/chat", key=key, json_body={"model": name})).status for name in ("open", "mine", "unknown")
    ]
    others = [
        (await ask(site, "POST", "/api/chat", key=strangers, json_body={"model": name})).status for name in ("open", "mine")
    ]
    nothing = await ask(site, "POST", "/api/chat", key=key, json_body={})

    assert (own, others, nothing.status) == ([200, 200, 200], [200, 404], 200)


async def test_decision_counts_from_the_next_request_on(site: Any, upstream: ScriptedUpstream, decided: User) -> None:
    key = (await key_for("chat", user=decided))[1]
    before = await ask(site, "POST", "/api/chat", key=key, json_body={"model": "open"})
    await sync_to_async(set_enabled)("open", is_enabled=False, by=decided)

    after = await ask(site, "POST", "/api/chat", key=key, json_body={"model": "open"})

    assert (before.status, after.status) == (200, 404)


async def test_lists_leave_out_what_the_owner_may_not_use(site: Any, upstream: ScriptedUpstream, decided: User) -> None:
    key = (await key_for("chat", user=decided))[1]

    tags = await ask(site, "GET", "/api/tags", key=key)
    running = await ask(site, "GET", "/api/ps", key=key)
    models = await ask(site, "GET", "/v1/models", key=key)

    assert tags.json == running.json == {"models": [{"name": "open:latest", "size": 1.5}]}
    assert models.json == {"object": "list", "data": [{"id": "open"}]}
    assert tags.headers["content-length"] == str(len(tags.body))


async def test_list_of_which_nothing_is_left_out_is_as_it_came(site: Any, upstream: ScriptedUpstream) -> None:
    raw = b'{"models":[ {"name":"open:latest", "size":1.50} ]}\n'
    upstream.scripts["GET /api/tags"] = whole(raw)
    key = (await key_for("chat"))[1]

    assert (await ask(site, "GET", "/api/tags", key=key)).body == raw
    await ModelAccess.objects.acreate(key="registry.ollama.ai/library/other:latest", is_enabled=False)
    assert (await ask(site, "GET", "/api/tags", key=key)).body == raw


async def test_list_that_cannot_be_looked_through_is_not_given_out(site: Any, upstream: ScriptedUpstream, decided: User) -> None:
    upstream.scripts["GET /api/tags"] = whole(b'[{"name":"secret"}]')
    key = (await key_for("chat", user=decided))[1]

    answer = await ask(site, "GET", "/api/tags", key=key)

    assert answer.status == 502 and b"secret" not in answer.body


async def test_administrator_manages_what_is_switched_off_and_does_not_chat_with_it(
    site: Any, upstream: ScriptedUpstream, decided: User, manager_key: str
) -> None:
    listed = await ask(site, "GET", "/api/tags", key=manager_key)
    shown = await ask(site, "POST", "/api/show", key=manager_key, json_body={"model": "off"})
    asked = [
        (await ask(site, "POST", "/api/chat", key=manager_key, json_body={"model": name})).status for name in ("off", "secret")
    ]

    assert (listed.body, shown.status, asked) == (LISTED, 200, [404, 200])


async def audience_of(name: str) -> str:
    access = await ModelAccess.objects.filter(pk=f"registry.ollama.ai/library/{name}:latest").afirst()
    return "" if access is None else access.audience


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST /api/copy", {"source": "secret", "destination": "New"}),
        ("POST /api/create", {"model": "new", "from": "Secret"}),
        ("POST /api/create", {"name": "new", "model": "NEW", "from": "secret", "stream": False}),
        ("POST /api/hearth/jobs", {"kind": "create", "model": "new", "from": "secret"}),
        ("POST /api/hearth/jobs", {"kind": "optimise", "model": "secret", "destination": "new"}),
    ],
)
async def test_what_is_made_of_a_restricted_model_is_restricted(
    site: Any, upstream: ScriptedUpstream, decided: User, manager_key: str, line: str, body: dict[str, Any]
) -> None:
    upstream.scripts[line] = stream(b'{"status":"success"}\n')
    made = await ask(site, *line.split(), key=manager_key, json_body=body)
    restricted = await audience_of("new")
    await ModelAccess.objects.filter(pk__contains="/new:").adelete()
    upstream.scripts[line] = whole(b'{"error":"no"}', status="400 Bad Request")
    refused = await ask(site, *line.split(), key=manager_key, json_body=body)

    assert (made.status, restricted) == (200, Audience.ADMINISTRATORS)
    assert (refused.status, await audience_of("new")) == (400, "")


async def test_creation_that_fails_in_its_stream_changes_nothing(
    site: Any, upstream: ScriptedUpstream, decided: User, manager_key: str
) -> None:
    upstream.scripts["POST /api/create"] = stream(b'{"status":"reading"}\n', b'{"error":"disk full"}\n')

    await ask(site, "POST", "/api/create", key=manager_key, json_body={"model": "mine", "from": "secret"})
    kept = await audience_of("mine")
    upstream.scripts["POST /api/create"] = stream(b'{"status":"reading"}\n', cut=True)
    await ask(site, "POST", "/api/create", key=manager_key, json_body={"model": "new", "from": "secret"})

    assert kept == Audience.CHOSEN
    # Whether it came about nobody knows: it is better restricted than open.
    assert await audience_of("new") == Audience.ADMINISTRATORS


async def test_deletion_takes_what_was_decided_along(
    site: Any, upstream: ScriptedUpstream, decided: User, manager_key: str
) -> None:
    def set_default() -> None:
        SiteSettings.load()
        SiteSettings.objects.update(default_model="secret:latest")

    await sync_to_async(set_default)()
    upstream.scripts["DELETE /api/delete"] = whole(b'{"error":"busy"}', status="500 Internal Server Error")
    await ask(site, "DELETE", "/api/delete", key=manager_key, json_body={"name": "secret"})
    kept = await audience_of("secret")
    upstream.scripts["DELETE /api/delete"] = whole(b"")
    await ask(site, "DELETE", "/api/delete", key=manager_key, json_body={"name": "secret"})

    assert (kept, await audience_of("secret")) == (Audience.ADMINISTRATORS, "")
    assert (await sync_to_async(SiteSettings.load)()).default_model == ""


async def test_request_that_names_two_models_for_one_is_refused(site: Any, upstream: ScriptedUpstream, manager_key: str) -> None:
    bodies = [b'{"source":"a","SOURCE":"b","destination":"c"}', b'{"source":"a","destination":"b","destination":"c"}']

    answers = [await ask(site, "POST", "/api/copy", key=manager_key, body=body) for body in bodies]

    assert [answer.status for answer in answers] == [400, 400] and upstream.asked == []
    assert all("more than one model" in json.loads(answer.body)["error"] for answer in answers)
