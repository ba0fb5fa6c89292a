"""Error pages: our own sentences, no traces."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from webui.urls import handler403, handler404, handler500
from webui.urls import urlpatterns as site_urls
from webui.views.errors import server_error

__all__ = ["handler403", "handler404", "handler500"]


def breaks(request: HttpRequest) -> HttpResponse:
    raise ValueError("secret detail")


def forbids(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("secret detail")


urlpatterns = [path("breaks/", breaks), path("forbids/", forbids), *site_urls]


@pytest.mark.urls(__name__)
def test_a_failing_page_says_so_and_nothing_else(browser: Client) -> None:
    browser.raise_request_exception = False
    response = browser.get("/breaks/")
    assert response.status_code == 500
    assert "Something went wrong" in response.text
    assert "secret" not in response.text and "Traceback" not in response.text


@pytest.mark.urls(__name__)
def test_a_forbidden_page_says_so(browser: Client) -> None:
    response = browser.get("/forbids/")
    assert response.status_code == 403
    assert "This is not open to you" in response.text and "secret" not in response.text


def test_an_unknown_address_says_so(browser: Client) -> None:
    response = browser.get("/nowhere/<script>/")
    assert response.status_code == 404
    assert "There is nothing here" in response.text and "<script>/" not in response.text


def test_the_server_error_page_asks_no_database(rf: object, collected_static: None) -> None:
    response = server_error(HttpRequest())
    assert response.status_code == 500
    assert b"Your conversations are safe" in response.content
