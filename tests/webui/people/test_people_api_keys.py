"""What an administrator sees of people's API keys, and does about them."""

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import timezone

from tests.factories import make_api_key, make_user
from webui.enums import ApiKeyMakers
from webui.models import ApiKey, SiteSettings, User
from webui.services.api_keys import authenticate

pytestmark = pytest.mark.django_db


def text_of(client: Client, path: str) -> str:
    return " ".join(BeautifulSoup(client.get(path).content, "html.parser").get_text(" ").split())


def test_people_says_how_many_keys_each_person_has(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace")
    for _ in range(2):
        make_api_key(user=person)
    make_api_key(user=person, revoked_at=timezone.now())
    make_api_key(user=person, expires_at=timezone.now() - timedelta(days=1))

    page = BeautifulSoup(client.get("/people/").content, "html.parser")
    links = [(link["href"], link.get_text(strip=True)) for link in page.select('tbody a[href$="/api-keys/"]')]

    assert links == [(f"/people/{person.pk}/api-keys/", "2 API keys: Grace")]


def test_all_keys_of_a_person_are_shown_and_revoked(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace")
    texts = [make_api_key(user=person, name=name)[1] for name in ("Laptop", "Phone")]
    path = f"/people/{person.pk}/api-keys/"

    asked = text_of(client, path)
    after_asking = [authenticate(text) is not None for text in texts]
    response = client.post(path, follow=True)

    assert "Laptop" in asked and "Phone" in asked and "Revoke all" in asked
    assert not any(text in asked for text in texts)
    assert after_asking == [True, True]
    assert [authenticate(text) for text in texts] == [None, None]
    assert "2 API keys of Grace have been revoked." in response.content.decode()
    assert "has no API key that works" in text_of(client, path)


def test_deleting_a_person_names_their_keys(client: Client, administrator: User) -> None:
    key, _text = make_api_key()

    assert "1 API key" in text_of(client, f"/people/{key.user_id}/delete/")
    assert "API key" not in text_of(client, f"/people/{make_user().pk}/delete/")


@pytest.mark.parametrize("makers", list(ApiKeyMakers))
def test_who_may_create_keys_is_saved_and_shown(client: Client, administrator: User, makers: ApiKeyMakers) -> None:
    response = client.post("/people/api-keys/", {"makers": makers})
    page = BeautifulSoup(client.get("/people/").content, "html.parser")

    assert response["Location"] == "/people/"
    assert SiteSettings.load().api_key_makers == makers
    assert [radio["value"] for radio in page.select("input[name=makers][checked]")] == [makers]


@pytest.mark.parametrize("value", ["", "nobody", "everyone\0"])
def test_who_may_create_keys_is_one_of_the_choices(client: Client, administrator: User, value: str) -> None:
    response = client.post("/people/api-keys/", {"makers": value})

    assert (response.status_code, response.content) == (400, b"This cannot be chosen.")
    assert SiteSettings.load().api_key_makers == ApiKeyMakers.EVERYONE


def test_keys_of_somebody_are_for_administrators_only(client: Client) -> None:
    key, text = make_api_key()
    client.force_login(key.user)

    responses = [getattr(client, method)(f"/people/{key.user_id}/api-keys/") for method in ("get", "post")]

    assert [response.status_code for response in responses] == [404, 404]
    assert authenticate(text) is not None
    assert ApiKey.objects.filter(revoked_at=None).count() == 1
