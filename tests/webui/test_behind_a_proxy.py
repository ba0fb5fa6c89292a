"""The site below a path of somebody else's host, and what reaches it from strangers: through the real daphne."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import websockets

from tests.factories import PASSWORD
from tests.site import Site, scratch_site

pytestmark = pytest.mark.services

MOUNT = "/hearth"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_site(HEARTH_SCRIPT_NAME=f"{MOUNT}/", HEARTH_MAX_FORM_BYTES="65536") as running:
        yield running


class Browser:
    """Sees the site below the mount point; `cuts` says whether the proxy between takes it off the path."""

    def __init__(self, site: Site, *, cuts: bool) -> None:
        self.site, self.cuts = site, cuts
        self.http = httpx.Client(base_url=site.url, headers={"Origin": site.url})

    def inner(self, address: str) -> str:
        assert address.startswith(f"{MOUNT}/"), f"{address} leads out of the site"
        return address.removeprefix(MOUNT) if self.cuts else address

    def get(self, address: str) -> httpx.Response:
        """The answer at the end of all redirects."""
        while (response := self.http.get(self.inner(address))).is_redirect:
            address = response.headers["location"]
        return response

    def post(self, address: str, fields: dict[str, str]) -> httpx.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(address).text)
        assert token is not None
        return self.http.post(self.inner(address), data={**fields, "csrfmiddlewaretoken": token[1]})

    async def ping(self) -> str:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())}
        address = self.site.url.replace("http", "ws") + self.inner(f"{MOUNT}/ws/")
        async with asyncio.timeout(20), websockets.connect(address, origin=self.site.url, additional_headers=cookies) as page:  # type: ignore[arg-type]
            await page.send(json.dumps({"type": "ping"}))
            return str(json.loads(await page.recv())["type"])


@contextmanager
def browser_at(site: Site, *, cuts: bool) -> Iterator[Browser]:
    browser = Browser(site, cuts=cuts)
    with browser.http:
        yield browser


@pytest.fixture(scope="module")
def account(site: Site) -> dict[str, str]:
    with browser_at(site, cuts=True) as browser:
        fields = {"email": "ada@example.org", "display_name": "Ada", "password1": PASSWORD, "password2": PASSWORD}
        assert browser.post(f"{MOUNT}/accounts/register/", fields).headers["location"] == f"{MOUNT}/"
    return {"login": "ada@example.org", "password": PASSWORD}


@pytest.mark.parametrize("cuts", [True, False])
def test_mounted_site_works_whatever_the_proxy_does_to_the_path(site: Site, account: dict[str, str], cuts: bool) -> None:
    with browser_at(site, cuts=cuts) as browser:
        asked = browser.http.get(browser.inner(f"{MOUNT}/accounts/")).headers["location"]
        entered = browser.post(asked, {**account, "next": f"{MOUNT}/accounts/"})
        page = browser.get(f"{MOUNT}/")
        files = re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg))"', page.text)

        assert asked == f"{MOUNT}/accounts/login/?next={MOUNT}/accounts/"
        assert entered.headers["location"] == f"{MOUNT}/accounts/"
        assert len(files) > 6 and all(browser.get(file).status_code == 200 for file in files)
        assert all(
            address.startswith(f"{MOUNT}/") for address in re.findall(r'(?:src|href|action|hx-get|hx-post)="(/[^"]*)"', page.text)
        )
        assert asyncio.run(browser.ping()) == "pong"


def test_announced_body_beyond_the_limit_is_refused_unread(site: Site) -> None:
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.web_port), timeout=20) as stranger:
        stranger.sendall(head)
        heard = b"".join(iter(lambda: stranger.recv(4096), b""))

    assert heard.startswith(b"HTTP/1.1 413 ") and heard.endswith(b"Connection: close\r\n\r\n")


def test_body_that_grows_beyond_the_limit_takes_no_memory(site: Site) -> None:
    web = site.processes()["web"]
    before = web.memory_info().rss

    # The refusal itself may be lost: the connection ends while the client still writes.
    with suppress(httpx.TransportError):
        answer = httpx.post(f"{site.url}/accounts/login/", headers=FORM, content=(b"a" * 65536 for _ in range(1600)), timeout=60)
        assert answer.status_code == 413

    assert web.memory_info().rss - before < 30_000_000
    assert site.is_healthy()


def test_form_up_to_the_limit_is_read(site: Site) -> None:
    answer = httpx.post(f"{site.url}/accounts/login/", headers=FORM, content=b"a=" + b"b" * 65000)

    assert answer.status_code == 403
    assert "This form has expired" in answer.text
