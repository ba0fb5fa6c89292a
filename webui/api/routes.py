"""What a key must be for, path by path. A path that does not stand here is not served: a test walks the runtime's own list."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from webui.enums import ApiScope


class Door(StrEnum):
    """Who is let in. `nobody` is for what the web process alone may ask of the runtime."""

    EVERYBODY = "everybody"
    ANY_KEY = "any key"
    CHAT = ApiScope.CHAT.value
    EMBED = ApiScope.EMBED.value
    MANAGE = ApiScope.MANAGE.value
    NOBODY = "nobody"


class Kind(StrEnum):
    """What is to be looked at on the way. `plain` is passed through unseen, however large it is."""

    PLAIN = "plain"
    #: The JSON of the request names the model that it uses.
    USES = "uses a model"
    #: The path names the model.
    NAMED = "names a model in its path"
    #: The answer is a list of models.
    LISTS = "lists models"
    #: A model comes, goes or is replaced.
    CHANGES = "changes models"


@dataclass(frozen=True)
class Route:
    """`path` may have `{name}` for one part of it, and `{name:path}` for the rest."""

    methods: frozenset[str]
    path: str
    door: Door
    kind: Kind = Kind.PLAIN
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        text = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.sub(r"\\\{\w+:path\\\}", "(.+)", re.escape(self.path)))
        object.__setattr__(self, "pattern", re.compile(text))


def _routes(door: Door, kind: Kind, *lines: str) -> list[Route]:
    """Each line is methods, joined by commas, and a path."""
    return [Route(frozenset(methods.split(",")), path, door, kind) for methods, path in (line.split() for line in lines)]


ROUTES = [
    *_routes(Door.EVERYBODY, Kind.PLAIN, "GET,HEAD /", "GET /openapi.json"),
    *_routes(
        Door.CHAT, Kind.USES,
        "POST /api/chat", "POST /api/generate", "POST /api/tokenize", "POST /api/detokenize",
        "POST /v1/chat/completions", "POST /v1/completions",
        "POST /v1/responses", "POST /v1/responses/input_tokens",
        "POST /v1/messages", "POST /v1/messages/count_tokens",
    ),
    *_routes(
        Door.EMBED, Kind.USES,
        "POST /api/embed", "POST /api/embeddings", "POST /api/rerank",
        "POST /v1/embeddings", "POST /v1/rerank", "POST /v2/rerank",
    ),
    *_routes(Door.ANY_KEY, Kind.USES, "POST /api/show"),
    *_routes(Door.ANY_KEY, Kind.LISTS, "GET,HEAD /api/tags", "GET /api/ps", "GET /v1/models"),
    *_routes(Door.ANY_KEY, Kind.NAMED, "GET /v1/models/{model:path}"),
    *_routes(
        Door.ANY_KEY, Kind.PLAIN,
        "GET,HEAD /api/version", "GET /api/status", "POST /api/me", "POST /api/signout", "DELETE /api/user/keys/{key}",
        "GET,POST /api/experimental/{service:path}",
    ),
    *_routes(Door.MANAGE, Kind.CHANGES, "POST /api/create", "POST /api/copy", "DELETE /api/delete", "POST /api/hearth/jobs"),
    *_routes(
        Door.MANAGE, Kind.PLAIN,
        "POST /api/pull", "POST /api/push", "HEAD,POST /api/blobs/{digest}", "GET /metrics",
        "GET,POST /api/hearth/registries", "DELETE /api/hearth/registries/{registry}",
        "GET /api/hearth/files", "GET /api/hearth/damaged", "GET /api/hearth/machine", "POST /api/hearth/estimate",
        "GET /api/hearth/catalogue", "GET /api/hearth/benchmarks",
        "GET /api/hearth/jobs", "GET,DELETE /api/hearth/jobs/{id}", "POST /api/hearth/jobs/{id}/{action}",
        "GET,POST /api/hearth/uploads", "GET,PATCH,DELETE /api/hearth/uploads/{id}", "POST /api/hearth/uploads/{id}/finish",
    ),
    *_routes(Door.NOBODY, Kind.PLAIN, "POST /api/hearth/forget", "GET /api/hearth/usage/{id}"),
]  # fmt: skip


class UnknownPath(Exception):
    """Nothing is served there."""


class WrongMethod(Exception):
    """The path is served, but not with this method; `allowed` are."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(", ".join(sorted(allowed)))
        self.allowed = allowed


def find_route(method: str, path: str) -> tuple[Route, str]:
    """The route of a decoded path, and what stands there for its last `{name}`, "" without one.

    Raises UnknownPath, also for a path with dots as names, which some servers take for steps; and WrongMethod.
    """
    if any(part in (".", "..") for part in path.split("/")):
        raise UnknownPath
    allowed: set[str] = set()
    for route in ROUTES:
        if route.door is Door.NOBODY or (found := route.pattern.fullmatch(path)) is None:
            continue
        if method in route.methods:
            return route, found.groups()[-1] if found.groups() else ""
        allowed |= route.methods
    raise WrongMethod(allowed) if allowed else UnknownPath
