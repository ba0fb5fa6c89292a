"""Reading account pages, and filling in their forms as a browser would."""

from typing import Any

from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client

from tests.factories import PASSWORD


def soup(response: HttpResponse) -> BeautifulSoup:
    return BeautifulSoup(response.content, "html.parser")


def heading(response: HttpResponse) -> str:
    found = soup(response).select_one("main h1")
    return found.get_text(strip=True) if found else ""


def errors(response: HttpResponse) -> list[str]:
    return [tag.get_text(" ", strip=True) for tag in soup(response).select(".field-error, .notice.error")]


def register(client: Client, **answers: str) -> Any:
    form = {"display_name": "Ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/register/", {**form, **answers})


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password}, **extra)
