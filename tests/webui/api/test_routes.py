"""Every path of the runtime has its decision here: which key opens it."""

from pathlib import Path
from typing import Any

import pytest

from inference.api.app import build_app
from inference.api.runtime import Runtime
from inference.jobs import JobManager
from inference.library.models import Library
from inference.runner.client import RunnerClient
from inference.scheduler import Scheduler
from inference.settings import read_settings
from webui.api.routes import ROUTES, Door, Kind, UnknownPath, WrongMethod, find_route


def routes_of_the_runtime(folder: Path) -> list[tuple[str, str]]:
    """Method and path of all that it answers, read from the application itself."""
    settings = read_settings({"HEARTH_DATA": str(folder)})
    library = Library(settings.models_dir)
    runtime = Runtime(settings, library, Scheduler(settings, RunnerClient.start), JobManager(settings.jobs_dir))
    app: Any = build_app(runtime)
    while not hasattr(app, "routes"):
        app = app._app
    return [(method, route.path) for route in app.routes for method in route.methods]


def shape(path: str) -> list[str]:
    """Names of parameters do not matter, nor whether one takes in the rest of the path."""
    return ["*" if part.startswith("{") else part for part in path.split("/")]


def decided(method: str, path: str) -> list[Door]:
    return [route.door for route in ROUTES if method in route.methods and shape(route.path) == shape(path)]


async def test_every_route_of_the_runtime_has_one_decision(tmp_path: Path) -> None:
    routes = routes_of_the_runtime(tmp_path)

    assert len(routes) > 40
    assert {f"{method} {path}": decided(method, path) for method, path in routes if len(decided(method, path)) != 1} == {}


@pytest.mark.parametrize(
    ("method", "path", "door", "kind"),
    [
        ("POST", "/api/chat", Door.CHAT, Kind.USES),
        ("POST", "/v1/responses", Door.CHAT, Kind.USES),
        ("POST", "/v1/messages", Door.CHAT, Kind.USES),
        ("POST", "/v1/embeddings", Door.EMBED, Kind.USES),
        ("POST", "/v2/rerank", Door.EMBED, Kind.USES),
        ("POST", "/api/show", Door.ANY_KEY, Kind.USES),
        ("HEAD", "/api/tags", Door.ANY_KEY, Kind.LISTS),
        ("POST", "/api/pull", Door.MANAGE, Kind.PLAIN),
        ("POST", "/api/blobs/sha256:abc", Door.MANAGE, Kind.PLAIN),
        ("DELETE", "/api/delete", Door.MANAGE, Kind.CHANGES),
        ("PATCH", "/api/hearth/uploads/1", Door.MANAGE, Kind.PLAIN),
        ("GET", "/openapi.json", Door.EVERYBODY, Kind.PLAIN),
    ],
)
def test_route_asks_for_its_scope(method: str, path: str, door: Door, kind: Kind) -> None:
    route, _ = find_route(method, path)

    assert (route.door, route.kind) == (door, kind)


def test_name_of_a_model_in_a_path_is_told() -> None:
    assert find_route("GET", "/v1/models/host:5000/me/tiny:1b")[1] == "host:5000/me/tiny:1b"


@pytest.mark.parametrize(
    "path",
    [
        "/api/hearth/forget", f"/api/hearth/usage/{'0' * 32}", "/api/unknown",
        "/api/chat/", "//api/chat", "/api//chat", "/API/CHAT", "/api/./chat",
        "/api/../api/chat", "/api/blobs/../hearth/forget", "/v1/models/../../api/chat", "/v1/models/..",
        "/api/chat\n", "/api", "/v1", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_path_that_is_not_in_the_table_is_unknown(path: str, method: str) -> None:
    with pytest.raises(UnknownPath):
        find_route(method, path)


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "/api/chat", {"POST"}), ("POST", "/api/tags", {"GET", "HEAD"})])
def test_wrong_method_says_which_are_right(method: str, path: str, allowed: set[str]) -> None:
    with pytest.raises(WrongMethod) as raised:
        find_route(method, path)

    assert raised.value.allowed == allowed
