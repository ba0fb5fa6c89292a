"""A message's way through the real processes: daphne, the runtime and the starter model, killed and stopped in mid-answer."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from tests.factories import PASSWORD
from tests.site import Site, scratch_site, wait_until

pytestmark = pytest.mark.services


class Person:
    """Somebody with a browser at a running site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site.url, follow_redirects=True, timeout=60, headers={"Origin": site.url})
        answers = {"display_name": "Ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}
        assert self.post("/accounts/register/", "/accounts/register/", answers).url == f"{site.url}/"

    def post(self, page: str, address: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Posts `fields` with the token that the form on `page` carries."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.http.get(page).text)
        assert token is not None
        return self.http.post(address, data={**fields, "csrfmiddlewaretoken": token[1]}, headers=headers)

    def send(self, content: str) -> str:
        """The id of the answer's message."""
        fields = {"content": content, "model": "smollm2:135m"}
        found = re.search(
            r'<message-stream data-message="([^"]+)"', self.post("/", "/messages/", fields, **{"HX-Request": "true"}).text
        )
        assert found is not None
        return found[1]

    def follow(self, message: str, *, frames: int = 0) -> list[Any]:
        """What the socket says about the message until its end, or until `frames` pieces of output have come."""
        return asyncio.run(self._follow(message, frames))

    async def _follow(self, message: str, frames: int) -> list[Any]:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())}
        address = f"{self.site.url.replace('http', 'ws')}/ws/"
        heard: list[Any] = []
        async with asyncio.timeout(240), websockets.connect(address, origin=self.site.url, additional_headers=cookies) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps({"type": "generation.attach", "stream": 1, "message": message}))
            async for text in socket:
                heard.append(json.loads(text))
                if isinstance(heard[-1], dict) and heard[-1]["type"] == "generation.finished":
                    break
                if frames and sum(isinstance(event, list) for event in heard) >= frames:
                    break
        return heard

    def row(self, message: str) -> dict[str, Any]:
        with sqlite3.connect(self.site.data / "hearth.sqlite3") as database:
            database.row_factory = sqlite3.Row
            found = database.execute("SELECT * FROM webui_message WHERE id = ?", [message.replace("-", "")]).fetchone()
        database.close()
        return dict(found)

    def ended(self, message: str) -> dict[str, Any]:
        wait_until(lambda: self.row(message)["status"] not in ("queued", "streaming"), "the end of the answer", 60)
        return self.row(message)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_site() as running:
        running.make_answers_repeatable()
        yield running


@pytest.fixture(scope="module")
def person(site: Site) -> Iterator[Person]:
    someone = Person(site)
    yield someone
    someone.http.close()


def test_answer_travels_and_is_stored(person: Person) -> None:
    message = person.send("Say hello in one short sentence.")
    heard = person.follow(message)
    row = person.row(message)
    assert heard[-1] == {
        "type": "generation.finished",
        "stream": 1,
        "status": "complete",
        "title": "Say hello in one short sentence.",
    }
    assert (row["status"], row["finish_reason"]) == ("complete", "stop")
    assert row["completion_tokens"] > 0 and row["prompt_tokens"] > 0 and row["eval_ms"] > 0 and row["ttft_ms"] > 0
    assert 'data-status="complete"' in person.http.get(f"/messages/{message}/").text


def test_stop_keeps_the_text(person: Person) -> None:
    message = person.send("Tell a very long story about a lighthouse.")
    person.follow(message, frames=4)
    person.post("/", f"/messages/{message}/stop/", {})
    row = person.row(message)
    assert (row["status"], row["finish_reason"]) == ("stopped", "abort")
    assert row["content"]


@pytest.mark.parametrize("victim", ["runner", "runtime", "web"])
def test_killed_process_leaves_an_interrupted_answer(site: Site, person: Person, victim: str) -> None:
    message = person.send("Tell a very long story about a lighthouse.")
    person.follow(message, frames=4)
    wait_until(lambda: person.row(message)["content"], "the first save")
    site.kill(victim)
    row = person.ended(message)
    wait_until(site.is_ready, "the site again", 60)
    assert row["status"] == "interrupted"
    assert row["content"] and row["error_detail"]


def test_stopping_the_site_saves_what_is_there(site: Site, person: Person) -> None:
    message = person.send("Tell a very long story about a lighthouse.")
    heard = person.follow(message, frames=6)
    site.stop()
    row = person.row(message)
    assert (row["status"], row["finish_reason"]) == ("interrupted", "abort")
    # All that was shown is kept: on the way out nothing waits for the next save.
    shown = re.sub(r"<[^>]+>|\s", "", "".join(str(frame[-1]) for frame in heard if isinstance(frame, list)))
    assert len(re.sub(r"\s", "", row["content"])) >= len(shown) - 5
