"""The web process's client of the model runtime: `/api/chat` as typed events. One HTTP client for each event loop.

Closing the iterator closes the request, which is how an answer is stopped: the runtime frees the slot at its next step.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.conf import settings

from webui.services.errors import EngineUnavailable, RuntimeFailure, failure_from_code
from webui.services.inference_events import Done, Event, Progress, last_delta, parse_line, refusal
from webui.services.runtime_status import read_runtime_status, unavailable_sentence

if TYPE_CHECKING:
    import httpx

#: Seconds to go on trying to connect: while the supervisor says that the runtime is coming, and where it says nothing.
PATIENCE_COMING, PATIENCE_UNKNOWN = 20.0, 2.0
LONGEST_LINE = 8 * 1024 * 1024


@dataclass(frozen=True)
class ChatRequest:
    """`client` names whom the runtime should be fair to, `scope` whose computed prompts may be used again (see `forgetting`);
    background requests wait until nobody else does."""

    model: str
    messages: list[dict[str, str]]
    client: str = ""
    scope: str = ""
    is_background: bool = False
    #: Whether the model is to think before it answers. One that cannot refuses to be asked.
    thinks: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    #: How long the model stays in memory afterwards, as in Ollama's API; None for what the runtime does by itself.
    keep_alive: str | int | None = None

    def body(self) -> dict[str, Any]:
        additions: dict[str, Any] = {"client": self.client}
        additions |= {"scope": self.scope} if self.scope else {}
        additions |= {"priority": "background"} if self.is_background else {"events": True}
        body: dict[str, Any] = {"model": self.model, "messages": self.messages, "stream": True, "hearth": additions}
        # Said in either case: where nothing is asked for, a model that can think does.
        body["think"] = self.thinks
        body |= {} if self.keep_alive is None else {"keep_alive": self.keep_alive}
        return body | ({"options": self.options} if self.options else {})


def endpoint() -> tuple[str, str | None]:
    """Base URL and Unix socket path (None for TCP) of `settings.INFERENCE_URL`."""
    url: str = settings.INFERENCE_URL
    if url.startswith("unix:"):
        return "http://runtime", url.removeprefix("unix:")
    return url.rstrip("/"), None


class InferenceClient:
    """Bound to the event loop it is first used on."""

    def __init__(self) -> None:
        import httpx

        base_url, socket_path = endpoint()
        # The runtime is named by the operator: a proxy from the environment is for other things.
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=httpx.AsyncHTTPTransport(uds=socket_path, limits=httpx.Limits(max_connections=None)),
            timeout=httpx.Timeout(None, connect=5.0, write=30.0),
            trust_env=False,
        )

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Events up to and with exactly one Done. Raises RuntimeFailure (EngineUnavailable where nothing answers)."""
        import httpx

        response: httpx.Response | None = None
        try:
            async for opened in self._open(request):
                if isinstance(opened, Progress):
                    yield opened
                else:
                    response = opened
            assert response is not None
            if response.status_code >= 400:
                raise await _refusal(response, request.model)
            async with aclosing(_events(response, request.model)) as events:
                async for event in events:
                    yield event
        except httpx.HTTPError:
            raise failure_from_code("stream_broken", "", request.model) from None
        finally:
            if response is not None:
                await response.aclose()

    async def forget(self, scope: str) -> None:
        """Nothing that was computed for this scope, or one below it, is kept. A runtime that keeps nothing does not know the
        path. Raises RuntimeFailure (EngineUnavailable where nothing answers)."""
        import httpx

        try:
            response = await self._http.post("/api/hearth/forget", json={"scope": scope}, timeout=30.0)
        except httpx.HTTPError:
            raise EngineUnavailable(unavailable_sentence(read_runtime_status())) from None
        if response.status_code >= 400 and response.status_code != 404:
            raise await _refusal(response, "")

    async def _open(self, request: ChatRequest) -> "AsyncIterator[Progress | httpx.Response]":
        """Says `loading` while the runtime is not there yet; the last item is the response."""
        import httpx

        started = asyncio.get_running_loop().time()
        delay = 0.05
        while True:
            message = self._http.build_request("POST", "/api/chat", json=request.body())
            try:
                yield await self._http.send(message, stream=True)
                return
            except (httpx.ConnectError, httpx.ConnectTimeout):
                status = read_runtime_status()
                patience = PATIENCE_COMING if status.is_coming else PATIENCE_UNKNOWN
                waited = asyncio.get_running_loop().time() - started
                if status.state == "failed" or waited > patience:
                    raise EngineUnavailable(unavailable_sentence(status)) from None
            yield Progress("loading", fraction=0.0)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)

    async def aclose(self) -> None:
        await self._http.aclose()


async def _events(response: "httpx.Response", model: str) -> AsyncGenerator[Event, None]:
    async with aclosing(_lines(response)) as lines:
        async for line in lines:
            event = parse_line(line, model)
            if isinstance(event, Done):
                if delta := last_delta(line):
                    yield delta
                yield event
                return
            if event is not None:
                yield event
    raise failure_from_code("stream_broken", "", model)


async def _lines(response: "httpx.Response") -> AsyncGenerator[bytes, None]:
    """Complete lines. httpx's own line reader also breaks at U+2028 and the like, which JSON strings may hold."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > LONGEST_LINE:
            return
    if rest.strip():
        yield rest


async def _refusal(response: "httpx.Response", model: str) -> RuntimeFailure:
    await response.aread()
    return refusal(response.status_code, response.content, model)


_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, InferenceClient]" = WeakKeyDictionary()


def inference_client() -> InferenceClient:
    """The running loop's client."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = InferenceClient()
    return _clients[loop]
