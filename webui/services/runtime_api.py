"""Calls of the runtime's HTTP API from a view's thread: one answer, or the NDJSON lines of long work as they come.

Answers that stream to people are read by `inference_client`, on the event loop. A real Ollama may stand behind both.
"""

import json as json_format
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webui.services.errors import EngineUnavailable, RuntimeFailure, failure_from_code
from webui.services.inference_client import LONGEST_LINE, endpoint
from webui.services.inference_events import refusal
from webui.services.runtime_status import read_runtime_status, unavailable_sentence

if TYPE_CHECKING:
    import httpx

#: Seconds to wait for an answer, and between two pieces of one.
TIMEOUT = 10.0
LARGEST_ANSWER = 64 * 1024 * 1024


def call(method: str, path: str, json: Any = None, *, timeout: float = TIMEOUT) -> Any:
    """The JSON that the runtime answers; {} where it answers nothing, as Ollama does to a copy or a deletion.

    Raises:
        NotSupported: this runtime has no such path (a real Ollama, or an older one).
        EngineUnavailable: nothing answers at its address, or not within `timeout` seconds.
        RuntimeFailure: it refused or failed, with its `code` and a sentence in the person's language.
    """
    with _response(method, path, json, timeout) as response:
        content = _read(response)
    try:
        return json_format.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        raise failure_from_code("stream_broken", "", _model(json)) from None


def send(method: str, path: str, content: Iterable[bytes], *, headers: dict[str, str], timeout: float = TIMEOUT) -> Any:
    """The JSON that the runtime answers to bytes, which are passed on as they come. Raises what `call` raises."""
    with _response(method, path, None, timeout, content=content, headers=headers) as response:
        answer = _read(response)
    try:
        return json_format.loads(answer)
    except (ValueError, RecursionError):
        raise failure_from_code("stream_broken", "", "") from None


def stream(method: str, path: str, json: Any = None, *, timeout: float = TIMEOUT) -> Iterator[dict[str, Any]]:
    """The objects of an NDJSON answer as they come. An error among them is raised as what `call` raises; `timeout` is the
    longest silence. Closing the iterator closes the request."""
    with _response(method, path, json, timeout) as response:
        for line in _lines(response, _model(json)):
            try:
                data = json_format.loads(line)
            except (ValueError, RecursionError):
                data = None
            if not isinstance(data, dict):
                raise failure_from_code("stream_broken", "", _model(json))
            if "error" in data:
                raise refusal(500, line, _model(json))
            yield data


def runtime_answers(timeout_seconds: float = 0.5) -> bool:
    """Whether something answers at the runtime's address."""
    try:
        call("GET", "/api/version", timeout=timeout_seconds)
    except RuntimeFailure:
        return False
    return True


@contextmanager
def _response(
    method: str,
    path: str,
    json: Any,
    timeout: float,
    *,
    content: Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> "Iterator[httpx.Response]":
    """The open answer, of which the head has come and says that the request was taken."""
    base_url, socket_path = endpoint()
    # Where not even the socket's file exists there is no need to import an HTTP client to learn that nobody is there.
    if socket_path is not None and not Path(socket_path).exists():
        raise EngineUnavailable(unavailable_sentence(read_runtime_status()))
    import httpx

    # trust_env off: the runtime is named by the operator, and a proxy from the environment is for other things.
    transport = httpx.HTTPTransport(uds=socket_path, verify=base_url.startswith("https:"))
    try:
        with (
            httpx.Client(base_url=base_url, transport=transport, timeout=timeout, trust_env=False) as client,
            client.stream(method, path, json=json, content=content, headers=headers) as response,
        ):
            if response.status_code >= 400:
                raise refusal(response.status_code, _read(response), _model(json))
            yield response
    except httpx.HTTPError:
        raise EngineUnavailable(unavailable_sentence(read_runtime_status())) from None


def _read(response: "httpx.Response") -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise failure_from_code("stream_broken", "", "")
    return content


def _lines(response: "httpx.Response", model: str) -> Iterator[bytes]:
    """Complete lines. httpx's own line reader also breaks at U+2028 and the like, which JSON strings may hold."""
    rest = b""
    for chunk in response.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(rest) > LONGEST_LINE:
            raise failure_from_code("stream_broken", "", model)
    if rest.strip():
        yield rest


def _model(json: Any) -> str:
    """Which model a request is about, for the sentence of a refusal."""
    fields = json if isinstance(json, dict) else {}
    return next((str(fields[name]) for name in ("model", "name", "source") if fields.get(name)), "")
