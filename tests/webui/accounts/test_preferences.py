import pytest
from django.test import Client

from tests.factories import make_administrator
from tests.webui.accounts.pages import heading, soup

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/language/", "language", "xx"),
        ("/language/", "language", ""),
        ("/language/", "language", "en\0"),
        ("/theme/", "theme", "blue"),
        ("/theme/", "theme", "dark; Path=/evil"),
    ],
)
def test_preference_that_does_not_exist_is_refused(client: Client, path: str, field: str, value: str) -> None:
    response = client.post(path, {field: value})

    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert f"hearth_{field}" not in response.cookies


@pytest.mark.parametrize("path", ["/language/", "/theme/"])
def test_preference_is_not_set_by_a_link(client: Client, path: str) -> None:
    response = client.get(path, {"language": "zh-hans", "theme": "dark"})

    assert response.status_code == 405
    assert not response.cookies


@pytest.mark.parametrize("path", ["/language/", "/theme/"])
def test_preference_needs_its_token(strict_client: Client, path: str) -> None:
    response = strict_client.post(path, {"language": "zh-hans", "theme": "dark"})

    assert (response.status_code, heading(response)) == (403, "This form has expired")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""])
def test_preference_never_leads_to_another_site(client: Client, target: str) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": target}, headers={"referer": target})

    assert response["Location"] == "/"


def test_preference_returns_to_its_page(client: Client) -> None:
    named = client.post("/theme/", {"theme": "dark", "next": "/accounts/login/?next=/x"})
    referred = client.post("/theme/", {"theme": "dark"}, headers={"referer": "http://testserver/accounts/"})
    fragment = client.post("/theme/", {"theme": "dark"}, headers={"HX-Request": "true"})

    assert named["Location"] == "/accounts/login/?next=/x"
    assert referred["Location"] == "http://testserver/accounts/"
    assert fragment["HX-Refresh"] == "true"


def test_language_chosen_by_a_stranger_holds_on_the_sign_in_page(client: Client) -> None:
    make_administrator()

    response = client.post("/language/", {"language": "zh-hans"})

    cookie = response.cookies["hearth_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-hans", True, "Lax")
    assert soup(client.get("/accounts/login/")).html["lang"] == "zh-hans"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_holds_on_every_page_until_taken_back(client: Client, theme: str) -> None:
    make_administrator()

    response = client.post("/theme/", {"theme": theme})
    chosen = soup(client.get("/accounts/login/")).html.get("data-theme")
    client.post("/theme/", {"theme": ""})
    system = soup(client.get("/accounts/login/")).html.get("data-theme")

    assert response.cookies["hearth_theme"]["httponly"] is True
    assert (chosen, system) == (theme, None)


def test_theme_cookie_written_by_hand_is_ignored(client: Client) -> None:
    make_administrator()
    client.cookies["hearth_theme"] = '"><script>'

    assert soup(client.get("/accounts/login/")).html.get("data-theme") is None
