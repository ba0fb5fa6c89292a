"""`/api/hearth/registries`: how this server signs in at private registries. Passwords and tokens go in and never come out."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.errors import JSON_TYPE, error_body
from inference.api.models import json_response
from inference.api.runtime import Runtime, runtime_of
from inference.errors import InvalidRequest
from inference.library.names import InvalidName, name_from_parts
from inference.library.registry.logins import Login


class RegistryBody(msgspec.Struct, frozen=True):
    #: Host and, where there is one, port.
    registry: str = ""
    username: str = ""
    #: Or a token.
    password: str = ""
    insecure: bool = False


async def registries(request: Request) -> Response:
    """With the key that Ollama's registry and Hugging Face may know this server by."""
    return json_response(await asyncio.to_thread(_list, runtime_of(request)))


async def keep_registry(request: Request) -> Response:
    """Kept only when the registry accepts it."""
    body = await read_body(request, RegistryBody)
    if not body.password:
        raise InvalidRequest("password is required: a password or a token")
    host = _host(body.registry)
    registry = runtime_of(request).registry
    login = Login(username=body.username, password=body.password, insecure=body.insecure)
    await registry.check_login(host, login)
    await asyncio.to_thread(registry.logins.keep, host, login)
    return json_response(_describe(host, login))


async def forget_registry(request: Request) -> Response:
    host = _host(request.path_params["registry"])
    if not await asyncio.to_thread(runtime_of(request).registry.logins.forget, host):
        error = InvalidRequest(f"no login is kept for {host}")
        return Response(error_body(error), 404, media_type=JSON_TYPE)
    return Response(status_code=204)


def _list(runtime: Runtime) -> dict[str, object]:
    registry = runtime.registry
    logins = sorted(registry.logins.all().items())
    return {"registries": [_describe(host, login) for host, login in logins], "key": registry.identity.public_key}


def _describe(host: str, login: Login) -> dict[str, object]:
    return {"registry": host.lower(), "username": login.username, "insecure": login.insecure}


def _host(text: str) -> str:
    """As in the names of models."""
    try:
        return name_from_parts(text, "library", "model", "latest").host
    except InvalidName:
        raise InvalidRequest("registry must be a host name such as registry.example.org or localhost:5000") from None
