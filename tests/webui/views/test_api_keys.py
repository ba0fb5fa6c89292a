"""The pages of a person's own API keys."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.test.utils import override_script_prefix
from django.utils import timezone
from pytest_django import Settings
from uuid6 import uuid7

from tests.factories import make_administrator, make_api_key, make_user
from webui.enums import ApiKeyMakers
from webui.models import ApiKey, ApiKeyUsage, SiteSettings, User
from webui.services.api_keys import MAX_KEYS, authenticate

pytestmark = pytest.mark.django_db
PATH = "/accounts/api-keys/"


@pytest.fixture(autouse=True)
def _no_runtime(settings: Settings) -> None:
    """Nothing listens there: the examples name a model all the same."""
    settings.INFERENCE_URL = "http://127.0.0.1:9"


@pytest.fixture
def person(client: Client) -> User:
    """Signed in in `client`."""
    person = make_user()
    client.force_login(person)
    return person


def read(response: Any) -> BeautifulSoup:
    return BeautifulSoup(response.content, "html.parser")


def errors(response: Any) -> list[str]:
    return [tag.get_text(" ", strip=True) for tag in read(response).select(".field-error, .notice.error")]


def create(client: Client, **answers: Any) -> Any:
    extra = {"headers": {"HX-Request": "true"}} if answers.pop("htmx", False) else {}
    form = {"key_id": uuid7(), "name": "Laptop", "scopes": ["chat", "embed"], "expiry": "never"}
    return client.post(PATH, {**form, **answers}, **extra)


def shown_key(response: Any) -> str:
    found = read(response).select_one("#new-key")
    return str(found["value"]) if found else ""


def rows(response: Any, selector: str = "#keys > section .key-row") -> list[str]:
    return [row.get_text(" ", strip=True) for row in read(response).select(selector)]


@pytest.mark.parametrize("htmx", [False, True])
def test_new_key_is_shown_once_and_never_again(client: Client, person: User, htmx: bool) -> None:
    response = create(client, htmx=htmx)
    text = shown_key(response)
    holder = authenticate(text)
    reloaded = client.get(PATH)

    assert holder is not None and holder.user == person
    assert response.content.decode().count(text) == 1
    assert "no-store" in response["Cache-Control"] and "no-store" in reloaded["Cache-Control"]
    assert text not in reloaded.content.decode()
    assert text not in str(client.session.items()) and text not in str(response.headers)
    assert [row.split()[0] for row in rows(reloaded)] == ["Laptop"]
    assert response.content.startswith(b"<!doctype") != htmx


def test_form_sent_twice_makes_one_key(client: Client, person: User) -> None:
    form_id = uuid7()
    create(client, key_id=form_id)

    again = create(client, key_id=form_id)
    by_htmx = create(client, key_id=form_id, htmx=True)
    page = client.get(PATH)

    assert again["Location"] == by_htmx["HX-Redirect"] == PATH
    assert "was created before" in errors(page)[0]
    assert person.api_keys.count() == 1


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 81}, "at most 80"),
        ({"name": "a\u202eb"}, "signs in it that cannot be shown"),
        ({"name": "a\0b"}, "signs in it that cannot be shown"),
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["everything"]}, "everything is not one of the available choices"),
        ({"scopes": ["chat", "manage"]}, "manage is not one of the available choices"),
        ({"expiry": "soon"}, "soon is not one of the available choices"),
        ({"expiry": "date"}, "last day on which the key works"),
        ({"expiry": "date", "expires_on": "2026-02-30"}, "Enter a valid date."),
        ({"expiry": "date", "expires_on": "2020-01-01"}, "a day in the future"),
        ({"key_id": "1"}, "Reload the page"),
        ({"key_id": ""}, "Reload the page"),
    ],
)
def test_form_that_is_wrong_says_what_and_keeps_the_rest(
    client: Client, person: User, answers: dict[str, Any], error: str
) -> None:
    response = create(client, **{"name": "Homework", **answers})

    assert response.status_code == 422
    assert error in " ".join(errors(response))
    assert not ApiKey.objects.exists()
    if "name" not in answers:
        assert read(response).select_one("input[name=name]")["value"] == "Homework"  # type: ignore[index]


@pytest.mark.parametrize("days", ["9999-12-31", "0001-01-01", "99999-01-01"])
def test_days_at_the_ends_of_the_calendar_are_answered(client: Client, person: User, days: str) -> None:
    response = create(client, expiry="date", expires_on=days)

    assert response.status_code == 422
    assert errors(response) != []
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("expiry", "days"), [("7", 7), ("30", 30), ("90", 90), ("365", 365)])
def test_key_expires_after_so_many_days(client: Client, person: User, expiry: str, days: int) -> None:
    create(client, expiry=expiry)

    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert abs(expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


def test_key_works_to_the_end_of_the_day_that_was_chosen(client: Client, person: User, settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    today = timezone.localdate()

    create(client, expiry="date", expires_on=today.isoformat())

    expires_at = ApiKey.objects.get().expires_at
    assert expires_at == timezone.make_aware(datetime.combine(today, datetime.min.time())) + timedelta(days=1)


@pytest.mark.parametrize("make", [make_user, make_administrator])
def test_managing_is_offered_to_administrators_only(client: Client, make: Callable[[], User]) -> None:
    person = make()
    client.force_login(person)
    page = client.get(PATH)
    offered = [box["value"] for box in read(page).select("input[name=scopes]")]

    response = create(client, scopes=["manage"])

    assert offered == ["chat", "embed", *(["manage"] if person.is_administrator else [])]
    assert (authenticate(shown_key(response)) is not None) == person.is_administrator


def test_empty_list_says_what_a_key_is_for_and_how_to_use_it(client: Client, person: User) -> None:
    page = client.get(PATH, headers={"host": "chat.example.org:8080"})
    code = {tag["id"]: tag.get_text() for tag in read(page).select("code[id]")}

    assert "You have no API key yet" in page.content.decode()
    assert code["ollama-url"] == "http://chat.example.org:8080"
    assert code["openai-url"] == "http://chat.example.org:8080/v1"
    assert "http://chat.example.org:8080/v1/chat/completions" in code["curl-example"]
    for name in ("python-example", "ollama-example"):
        compile(code[name], name, "exec")
    assert 'model="smollm2:135m"' in code["python-example"]


def test_addresses_are_below_the_path_that_the_site_is_mounted_at(client: Client, person: User) -> None:
    with override_script_prefix("/hearth/"):
        page = client.get(PATH)

    assert read(page).select_one("#openai-url").get_text() == "http://testserver/hearth/v1"  # type: ignore[union-attr]


def test_list_shows_each_key_with_its_use_and_the_ended_apart(client: Client, person: User) -> None:
    now, today = timezone.now(), timezone.localdate()
    key, text = make_api_key(user=person, name="<b>Laptop</b>", last_used_at=now, expires_at=now + timedelta(days=9))
    make_api_key(user=person, name="Old", expires_at=now - timedelta(days=1))
    make_api_key(user=person, name="Lost", revoked_at=now)
    make_api_key(name="Of somebody else")
    for days_ago in (0, 29, 30):
        ApiKeyUsage.objects.create(
            key=key, day=today - timedelta(days=days_ago), requests=600, prompt_tokens=9, completion_tokens=1
        )

    page = client.get(PATH)
    (live,), ended = rows(page), rows(page, ".ended .key-row")

    assert live.startswith("<b>Laptop</b>")
    assert b"<b>Laptop" not in page.content
    assert f"{text[:11]}…" in live and "Chat, Embeddings" in live
    assert "1,200 requests" in live and "20 tokens" in live
    assert [row.split()[:2] for row in ended] == [["Lost", "Revoked"], ["Old", "Expired"]]
    assert not any("Revoke…" in row for row in ended)
    assert "Of somebody else" not in page.content.decode()


@pytest.mark.parametrize("item_count", [1, 5])
def test_list_takes_the_same_queries_for_any_number(
    client: Client, person: User, django_assert_num_queries: Callable[[int], Any], item_count: int
) -> None:
    SiteSettings.load()
    for _ in range(item_count):
        ApiKeyUsage.objects.create(key=make_api_key(user=person)[0], day=timezone.localdate(), requests=1)

    # Session, user, keys with their use, site settings; two for the model of the examples.
    with django_assert_num_queries(6):
        assert len(rows(client.get(PATH))) == item_count


def test_member_is_told_where_only_administrators_may_create_keys(client: Client, person: User) -> None:
    _key, text = make_api_key(user=person)
    SiteSettings.objects.update_or_create(pk=1, defaults={"api_key_makers": ApiKeyMakers.ADMINISTRATORS})

    page = client.get(PATH)
    refused = create(client)

    assert "Yours go on working" in page.content.decode()
    assert read(page).select_one("form.key-form") is None
    assert len(rows(page)) == 1
    assert refused.status_code == 422
    assert person.api_keys.count() == 1
    assert authenticate(text) is not None


def test_one_key_too_many_is_refused_with_the_reason(client: Client, person: User) -> None:
    ApiKey.objects.bulk_create(ApiKey(user=person, name="Key", sha256=str(number)) for number in range(MAX_KEYS))

    response = create(client)

    assert response.status_code == 422
    assert f"You have {MAX_KEYS} API keys" in errors(response)[0]


def test_revoking_asks_first_and_then_ends_the_key(client: Client, person: User) -> None:
    key, text = make_api_key(user=person, name="Laptop")
    path = f"{PATH}{key.pk}/revoke/"

    asked = client.get(path)
    dialog = client.get(path, headers={"HX-Request": "true"})
    after_asking = authenticate(text)
    response = client.post(path, follow=True)

    assert "Revoke “Laptop”?" in asked.content.decode()
    assert dialog.content.strip().startswith(b"<form")
    assert after_asking is not None
    assert authenticate(text) is None
    assert "“Laptop” has been revoked" in response.content.decode()
    assert "Revoked" in rows(response, ".ended .key-row")[0]


def edit(client: Client, key: ApiKey, *, headers: dict[str, str] | None = None, **answers: Any) -> Any:
    form = {"name": key.name, "scopes": key.scopes, "expiry": "as-before", **answers}
    return client.post(f"{PATH}{key.pk}/edit/", form, headers=headers)


def test_key_is_renamed_and_keeps_its_text_its_end_and_its_use(client: Client, person: User) -> None:
    expires_at = timezone.now() + timedelta(days=9)
    key, text = make_api_key(user=person, name="Laptop", scopes=["chat"], expires_at=expires_at)
    ApiKeyUsage.objects.create(key=key, day=timezone.localdate(), requests=3)

    asked = client.get(f"{PATH}{key.pk}/edit/")
    dialog = client.get(f"{PATH}{key.pk}/edit/", headers={"HX-Request": "true"})
    response = edit(client, key, name="  Homework <script> ")
    page = client.get(PATH)

    fields = read(asked).select_one("main form")
    assert fields is not None and fields.select_one("input[name=name]")["value"] == "Laptop"  # type: ignore[index]
    assert [box["value"] for box in fields.select("input[name=scopes][checked]")] == ["chat"]
    assert fields.select_one("option[selected]")["value"] == "as-before"  # type: ignore[index]
    assert dialog.content.strip().startswith(b"<form") and b"Laptop" in dialog.content
    assert response["Location"] == PATH
    key.refresh_from_db()
    assert (key.name, key.scopes, key.expires_at) == ("Homework <script>", ["chat"], expires_at)
    assert authenticate(text) is not None and key.usage.get().requests == 3
    assert rows(page)[0].startswith("Homework <script>") and b"Homework <script>" not in page.content
    assert "“Homework <script>” are saved" in read(page).select_one(".notice.success").get_text()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answers", "days"),
    [({"expiry": "30"}, 30), ({"expiry": "never"}, None), ({"expiry": "date", "expires_on": "tomorrow"}, None)],
)
def test_key_works_until_another_day_than_before(client: Client, person: User, answers: dict[str, str], days: int | None) -> None:
    key, _text = make_api_key(user=person, expires_at=timezone.now() + timedelta(days=9))
    tomorrow = timezone.localdate() + timedelta(days=1)

    edit(client, key, **{name: tomorrow.isoformat() if value == "tomorrow" else value for name, value in answers.items()})

    key.refresh_from_db()
    if days is not None:
        assert key.expires_at is not None
        assert abs(key.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)
    elif answers["expiry"] == "never":
        assert key.expires_at is None
    else:
        end = datetime.combine(tomorrow, datetime.min.time()) + timedelta(days=1)
        assert key.expires_at == timezone.make_aware(end)


def test_key_may_do_something_else_than_before(client: Client, person: User) -> None:
    key, text = make_api_key(user=person, scopes=["chat"])

    edit(client, key, scopes=["embed"])

    holder = authenticate(text)
    assert holder is not None and holder.scopes == {"embed"}


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\u202eb"}, "signs in it that cannot be shown"),
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["manage"]}, "manage is not one of the available choices"),
        ({"expiry": "date"}, "last day on which the key works"),
        ({"expiry": "date", "expires_on": "2020-01-01"}, "a day in the future"),
        ({"expiry": "date", "expires_on": "9999-12-31"}, "within the next ten years"),
        ({"expiry": "soon"}, "soon is not one of the available choices"),
    ],
)
@pytest.mark.parametrize("htmx", [False, True])
def test_change_that_is_wrong_says_what_and_changes_nothing(
    client: Client, person: User, answers: dict[str, Any], error: str, htmx: bool
) -> None:
    key, _text = make_api_key(user=person, name="Laptop", scopes=["chat"])

    response = edit(client, key, headers={"HX-Request": "true"} if htmx else None, **{"name": "Homework", **answers})

    assert response.status_code == 422
    assert error in " ".join(errors(response))
    assert response.content.strip().startswith(b"<form") == htmx
    key.refresh_from_db()
    assert (key.name, key.scopes, key.expires_at) == ("Laptop", ["chat"], None)


def test_dialog_leads_back_to_where_it_was_opened(client: Client, person: User) -> None:
    key, _text = make_api_key(user=person)
    own = f"{PATH}{key.pk}/"

    led = [
        edit(client, key, headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{path}"})["HX-Redirect"]
        for path in (PATH, own, "/elsewhere/")
    ]

    assert led == [PATH, own, PATH]


@pytest.mark.parametrize("ended", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(days=1)}])
def test_key_that_has_ended_does_not_come_back(client: Client, person: User, ended: dict[str, Any]) -> None:
    key, text = make_api_key(user=person, name="Laptop", **ended)

    asked = client.get(f"{PATH}{key.pk}/edit/")
    response = edit(client, key, name="Homework", expiry="90")
    page = client.get(PATH)

    assert asked["Location"] == response["Location"] == PATH
    assert [("“Laptop” no longer works" in error) for error in errors(page)] == [True, True]
    assert authenticate(text) is None and ApiKey.objects.get().name == "Laptop"


@pytest.mark.parametrize(
    ("answers", "is_let"),
    [
        ({"name": "Homework"}, True),
        ({"scopes": ["chat"]}, True),
        ({"expiry": "7"}, True),
        ({"expiry": "90"}, False),
        ({"expiry": "never"}, False),
        ({"scopes": ["chat", "embed", "manage"]}, False),
    ],
)
def test_where_only_administrators_make_keys_a_member_can_only_take_away(
    client: Client, person: User, answers: dict[str, Any], is_let: bool
) -> None:
    """Else the keys that members have would be keys for ever."""
    key, _text = make_api_key(user=person, scopes=["chat", "embed"], expires_at=timezone.now() + timedelta(days=9))
    SiteSettings.objects.update_or_create(pk=1, defaults={"api_key_makers": ApiKeyMakers.ADMINISTRATORS})

    response = edit(client, key, **answers)

    assert response.status_code == (302 if is_let else 422)
    if not is_let:
        unchanged = ApiKey.objects.get()
        assert (unchanged.scopes, unchanged.expires_at) == (key.scopes, key.expires_at)


def test_page_of_a_key_shows_its_use_by_day(client: Client, person: User) -> None:
    key, _text = make_api_key(user=person)
    today = timezone.localdate()
    for days_ago, tokens in ((0, 300), (3, 100), (40, 9999)):
        ApiKeyUsage.objects.create(
            key=key, day=today - timedelta(days=days_ago), requests=2, prompt_tokens=tokens, completion_tokens=tokens
        )

    page = read(client.get(f"{PATH}{key.pk}/"))
    table = [[cell.get_text(strip=True) for cell in row.select("td")] for row in page.select("table.usage tr")]
    bars = [rect["height"] for rect in page.select("rect.prompt")]

    assert table == [[], ["2", "300", "300"], ["2", "100", "100"], ["4", "400", "400"]]
    assert len(bars) == 30
    assert (bars[29], bars[26], bars[0]) == ("500", "167", "0")


def test_page_of_a_key_that_was_never_used_says_so(client: Client, person: User) -> None:
    key, _text = make_api_key(user=person)

    page = client.get(f"{PATH}{key.pk}/")

    assert "Not used in the last 30 days." in page.content.decode()
    assert read(page).select_one(".chart") is None


def test_page_of_a_key_with_requests_without_tokens_is_shown(client: Client, person: User) -> None:
    key, _text = make_api_key(user=person)
    ApiKeyUsage.objects.create(key=key, day=timezone.localdate(), requests=3)

    page = read(client.get(f"{PATH}{key.pk}/"))

    assert [cell.get_text() for cell in page.select("table.usage tbody td")] == ["3", "0", "0"]


@pytest.mark.parametrize("end", ["", "edit/", "revoke/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_key_of_somebody_else_is_not_there(client: Client, end: str, method: str) -> None:
    key, text = make_api_key()
    client.force_login(make_administrator())

    statuses = {getattr(client, method)(f"{PATH}{pk}/{end}").status_code for pk in (key.pk, uuid4())}

    # The page of a key takes no post from anybody.
    assert statuses == ({405} if method == "post" and not end else {404})
    assert authenticate(text) is not None


def test_account_page_leads_to_the_keys(client: Client, person: User) -> None:
    make_api_key(user=person)
    make_api_key(user=person, revoked_at=timezone.now())

    page = client.get("/accounts/")

    assert "You have 1 key" in page.content.decode()
    assert PATH in [link["href"] for link in read(page).select("main a")]
