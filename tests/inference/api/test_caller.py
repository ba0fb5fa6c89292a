"""Whom the runtime believes about whose a request is."""

from typing import Any

import pytest
from starlette.requests import Request

from inference.api.caller import client_of, is_forwarded, scope_of
from inference.errors import InvalidRequest

UNIX = ("/data/run/inference.sock", None)
TCP = ("127.0.0.1", 11434)


def request(*callers: str, server: tuple[str, int | None] = UNIX) -> Request:
    scope: dict[str, Any] = {
        "type": "http",
        "server": server,
        "client": ("192.0.2.9", 50000) if server == TCP else None,
        "headers": [(b"hearth-caller", caller.encode()) for caller in callers],
    }
    return Request(scope)


def test_caller_of_the_web_process_is_believed_and_the_body_only_below_it() -> None:
    asked = request("user:7/key:12")

    assert scope_of(asked, "") == "user:7/key:12"
    assert scope_of(asked, "user:8/conversation:1") == "user:7/key:12/user:8/conversation:1"
    assert client_of(asked, "user:8") == "user:7"
    assert is_forwarded(asked.scope)


def test_caller_on_tcp_is_nobody() -> None:
    forged = request("user:7/key:12", server=TCP)

    assert scope_of(forged, "user:7/key:12") == "tcp:192.0.2.9+user:7/key:12"
    assert client_of(forged, "") == "192.0.2.9"
    assert not is_forwarded(forged.scope)


def test_request_of_the_web_process_itself_speaks_for_itself() -> None:
    own = request()

    assert scope_of(own, "user:7/conversation:1") == "user:7/conversation:1"
    assert client_of(own, "user:7") == "user:7"
    assert not is_forwarded(own.scope)


@pytest.mark.parametrize(
    "callers", [("",), ("user:7/",), ("/key:1",), ("user 7",), ("user:7\n",), ("user:7", "user:8"), ("x" * 200,)]
)
def test_caller_that_is_none_is_refused_rather_than_taken_for_the_web_process(callers: tuple[str, ...]) -> None:
    asked = request(*callers)

    with pytest.raises(InvalidRequest, match="Hearth-Caller"):
        scope_of(asked, "user:1")
    with pytest.raises(InvalidRequest, match="Hearth-Caller"):
        client_of(asked, "user:1")


def test_scope_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"hearth\.scope"):
        scope_of(request("user:7/key:12"), "x" * 201)
