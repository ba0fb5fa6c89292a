"""The runtime's HTTP API as the commands use it. Every failure is a `CommandError` with a sentence."""

import contextlib
import json
import os
from collections.abc import Generator, Iterator
from typing import Any

import httpx

from inference.cli.errors import CommandError, ServerError, ServerUnreachable
from inference.cli.host import api_key, server_address, server_socket
from inference.version import VERSION

_CONNECT_S = 10.0
#: A single line of a stream, or an error's body, that is longer than this is not worth showing.
_MAX_ERROR_BYTES = 1024 * 1024
_KEY_NEEDED = (
    "the server asks for an API key that is good for this: make one on the account page of its site and set OLLAMA_API_KEY to "
    "it, or run this command where the server runs, with its HEARTH_API_KEYS and HEARTH_DATA"
)


class Client:
    """One server. Answers may take as long as they like: loading a model does."""

    def __init__(self) -> None:
        address, self._socket = server_address(), server_socket()
        self.url = address.url if self._socket is None else f"unix:{self._socket}"
        key = api_key()
        with self._failures():
            self._http = httpx.Client(
                base_url=address.url,
                timeout=httpx.Timeout(None, connect=_CONNECT_S),
                headers={"User-Agent": f"hearth/{VERSION}", **({"Authorization": f"Bearer {key}"} if key else {})},
                transport=httpx.HTTPTransport(uds=str(self._socket)) if self._socket is not None else None,
                # As Go's clients: proxies are not for this machine.
                trust_env=not address.is_loopback,
                verify=address.scheme == "https",
            )

    def get(self, path: str, **parameters: str) -> Any:
        return self._json("GET", path, params=parameters)

    def post(self, path: str, body: object, *, timeout: float | None = None) -> Any:
        """None where the answer has no body. With a `timeout`, a server that takes longer than so many seconds has failed."""
        return self._json("POST", path, **_encoded(body), **({} if timeout is None else {"timeout": timeout}))

    def delete(self, path: str, body: object = None) -> Any:
        return self._json("DELETE", path, **({} if body is None else _encoded(body)))

    def has(self, path: str) -> bool:
        """Whether HEAD finds something there."""
        with self._failures():
            response = self._http.head(path)
        if response.status_code not in (200, 404):
            raise _server_error(response)
        return response.status_code == 200

    def upload(self, path: str, content: Iterator[bytes], size: int) -> None:
        with self._failures():
            response = self._http.post(path, content=content, headers={"Content-Length": str(size)})
        if response.is_error:
            raise _server_error(response)

    def stream(self, path: str, body: object) -> Generator[dict[str, Any], None, None]:
        """The lines of an NDJSON answer. A line that reports an error is raised. Leaving off ends the work on the server."""
        with self._failures(), self._http.stream("POST", path, **_encoded(body)) as response:
            if response.is_error:
                response.read()
                raise _server_error(response)
            for line in response.iter_lines():
                if not line.strip():
                    continue
                value = _decode(line)
                if "error" in value:
                    raise ServerError(_sentence(value["error"]), code=str(value.get("code", "")))
                yield value

    def _json(self, method: str, path: str, **options: Any) -> Any:
        with self._failures():
            response = self._http.request(method, path, **options)
        if response.is_error:
            raise _server_error(response)
        if not response.content.strip():
            return None
        try:
            return response.json()
        except ValueError:
            raise ServerError(f"{self.url} does not answer like a Hearth server; check OLLAMA_HOST") from None

    def _unreachable(self) -> str:
        text = f"could not connect to a Hearth server at {self.url}: "
        if self._socket is None:
            return f"{text}start it with 'hearth serve', or set OLLAMA_HOST"
        try:
            is_there = self._socket.exists()
        except OSError:
            is_there = True
        if is_there and not os.access(self._socket, os.W_OK):
            return f"{text}run this as the user that Hearth runs as, or set OLLAMA_API_KEY to an API key"
        return f"{text}start it with 'hearth serve', set HEARTH_DATA to its folder, or OLLAMA_API_KEY to an API key"

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise ServerUnreachable(f"OLLAMA_HOST is no address of a server: {self.url}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerUnreachable(self._unreachable()) from None
        except httpx.TransportError as error:
            raise ServerError(f"the connection to {self.url} broke off ({error or type(error).__name__})") from None
        except ImportError as error:
            # What SOCKS needs is not there.
            raise CommandError(f"the proxy that the environment names cannot be used: {error}") from None


def _encoded(body: object) -> dict[str, Any]:
    """As JSON. What was typed and is no text in any encoding becomes question marks."""
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return {"content": content, "headers": {"Content-Type": "application/json"}}


def _decode(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ServerError("the server sent a line that is no JSON object")
    return value


def _server_error(response: httpx.Response) -> ServerError:
    status = response.status_code
    try:
        value = json.loads(response.content[:_MAX_ERROR_BYTES])
    except ValueError:
        value = None
    if status == 401 and isinstance(value, dict) and value.get("code") == "invalid_api_key":
        return ServerError(_KEY_NEEDED, status=status, code="invalid_api_key")
    if isinstance(value, dict) and value.get("error"):
        return ServerError(_sentence(value["error"]), status=status, code=str(value.get("code", "")))
    text = response.content[:200].decode("utf-8", "replace").strip()
    if status in (404, 405):
        message = f"the server has no {response.request.url.path}: it may be older than this command"
        return ServerError(message, status=status, code="unknown_path")
    return ServerError(text or f"the server answered with status {status}", status=status)


def _sentence(error: object) -> str:
    """The reason; OpenAI's shape has it one level deeper."""
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
