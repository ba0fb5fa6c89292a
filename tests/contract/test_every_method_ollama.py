"""Every method of the real `ollama` clients, sync and async, whole and streamed. A method that appears in a new version makes
the first test fail until it is dealt with."""

import hashlib
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest

from tests.contract.service import MODEL, Service
from tests.contract.test_templates import TEMPLATE, forced
from tests.docker_registry import DockerRegistry, running_registry

HELLO = [{"role": "user", "content": "Hi"}]
OPTIONS = {"num_predict": 3, "temperature": 0.0}
NAME = "handy:latest"
#: Each token that is forced takes a look at the whole vocabulary.
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CALL = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'


class Caller:
    """Calls the method of that name of either client."""

    def __init__(self, client: ollama.Client | ollama.AsyncClient, registry: DockerRegistry, folder: Path) -> None:
        self._client = client
        self.is_async = isinstance(client, ollama.AsyncClient)
        self.registry = registry
        self.folder = folder

    async def whole(self, method: str, **arguments: Any) -> Any:
        result = getattr(self._client, method)(**arguments)
        return await result if inspect.isawaitable(result) else result

    async def streamed(self, method: str, **arguments: Any) -> list[Any]:
        result = await self.whole(method, stream=True, **arguments)
        return [part async for part in result] if hasattr(result, "__aiter__") else list(result)


async def check_chat(call: Caller) -> None:
    whole = await call.whole("chat", model=MODEL, messages=HELLO, options=OPTIONS, keep_alive="5m")
    parts = await call.streamed("chat", model=MODEL, messages=HELLO, options=OPTIONS, logprobs=True, top_logprobs=1)
    assert whole.message.content == "".join(part.message.content for part in parts) != ""
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("length", 3)
    assert sum(len(part.logprobs or []) for part in parts) == 3

    with pytest.raises(ollama.ResponseError, match="does not support images"):
        await call.whole("chat", model=MODEL, messages=[{**HELLO[0], "images": [b"\x89PNG"]}])
    # What is forced takes long: each of the two clients gets a part of it.
    await (thinks_and_keeps_to_a_format(call) if call.is_async else calls_tools(call))


async def thinks_and_keeps_to_a_format(call: Caller) -> None:
    thinking = await call.whole("chat", model=NAME, messages=HELLO, think="high", options=OPTIONS)
    assert thinking.message.thinking
    schema = {"type": "object", "properties": {"a": {"enum": [7]}}, "required": ["a"]}
    shaped = await call.whole("chat", model=MODEL, messages=HELLO, format=schema, options={"temperature": 0})
    assert json.loads(shaped.message.content) == {"a": 7}


async def calls_tools(call: Caller) -> None:
    called = await call.streamed("chat", model=NAME, messages=HELLO, tools=[TOOL], think=False, options=forced(CALL))
    (tool,) = [tool for part in called for tool in part.message.tool_calls or []]
    assert (tool.function.name, tool.function.arguments) == ("f", {})


async def check_generate(call: Caller) -> None:
    whole = await call.whole("generate", model=MODEL, prompt="Hi", system="s", options=OPTIONS)
    parts = await call.streamed("generate", model=MODEL, prompt="Hi", system="s", options=OPTIONS)
    assert whole.response == "".join(part.response for part in parts) != ""
    assert list(whole.context) == list(parts[-1].context)
    longer = await call.whole("generate", model=MODEL, prompt="Hi", context=whole.context, options=OPTIONS)
    assert longer.prompt_eval_count > whole.prompt_eval_count
    raw = await call.whole("generate", model=MODEL, prompt="One two", raw=True, options=OPTIONS)
    assert raw.prompt_eval_count < 5
    with pytest.raises(ollama.ResponseError, match="does not support insert"):
        await call.whole("generate", model=MODEL, prompt="a", suffix="b")


async def check_embed(call: Caller) -> None:
    one = await call.whole("embed", model=MODEL, input="one")
    two = await call.whole("embed", model=MODEL, input=["one", "two"], truncate=True, dimensions=8)
    assert (len(one.embeddings), len(two.embeddings), len(two.embeddings[0])) == (1, 2, 8)


async def check_embeddings(call: Caller) -> None:
    assert len((await call.whole("embeddings", model=MODEL, prompt="one")).embedding) == 576


async def check_list(call: Caller) -> None:
    models = {model.model: model for model in (await call.whole("list")).models}
    assert models[MODEL].details.family == "llama"
    assert models[MODEL].size > 90_000_000


async def check_ps(call: Caller) -> None:
    await call.whole("generate", model=MODEL, keep_alive="5m")
    models = (await call.whole("ps")).models
    assert MODEL in [model.model for model in models] or NAME in [model.model for model in models]
    assert all(model.size > 0 and model.context_length for model in models)


async def check_show(call: Caller) -> None:
    shown = await call.whole("show", model=NAME)
    assert set(shown.capabilities) >= {"completion", "tools", "thinking"}
    assert shown.template == TEMPLATE
    assert shown.modelinfo["llama.context_length"] == 8192


async def check_create(call: Caller) -> None:
    made = await call.whole("create", model="made", from_=MODEL, system="Be brief.", parameters={"top_k": 3})
    parts = await call.streamed("create", model="made", from_=MODEL, messages=[{"role": "user", "content": "x"}])
    assert made.status == parts[-1].status == "success"
    await call.whole("delete", model="made")


async def check_create_blob(call: Caller) -> None:
    path = call.folder / "blob"
    path.write_bytes(b"some bytes")
    digest = await call.whole("create_blob", path=path)
    assert digest == f"sha256:{hashlib.sha256(b'some bytes').hexdigest()}"
    with pytest.raises(ollama.ResponseError, match="not in GGUF format"):
        await call.whole("create", model="made", files={"model.gguf": digest})


async def check_copy(call: Caller) -> None:
    assert (await call.whole("copy", source=MODEL, destination="copied")).status == "success"
    assert "copied:latest" in [model.model for model in (await call.whole("list")).models]
    await call.whole("delete", model="copied")


async def check_delete(call: Caller) -> None:
    await call.whole("copy", source=MODEL, destination="deleted")
    assert (await call.whole("delete", model="deleted")).status == "success"
    with pytest.raises(ollama.ResponseError, match="model 'deleted' not found") as refusal:
        await call.whole("delete", model="deleted")
    assert refusal.value.status_code == 404


async def check_pull(call: Caller) -> None:
    name = f"{call.registry.host}/library/small"
    assert (await call.whole("pull", model=name, insecure=True)).status == "success"
    parts = await call.streamed("pull", model=name, insecure=True)
    assert [parts[0].status, parts[-1].status] == ["pulling manifest", "success"]
    await call.whole("delete", model=name)


async def check_push(call: Caller) -> None:
    name = f"{call.registry.host}/library/small"
    await call.whole("pull", model=name, insecure=True)
    assert (await call.whole("push", model=name, insecure=True)).status == "success"
    parts = await call.streamed("push", model=name, insecure=True)
    assert [parts[0].status, parts[-1].status] == ["retrieving manifest", "success"]
    await call.whole("delete", model=name)


CHECKS: dict[str, Callable[[Caller], Awaitable[None]]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
#: Each with the reason.
LEFT_OUT = {
    "close": "says nothing to a server",
    "web_search": "asks ollama.com",
    "web_fetch": "asks ollama.com",
    "systemone": "for a kind of model that only Ollama has",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        registry.push("library/small", "latest", {"model": b"weights", "system": b"Be brief."}, b'{"model_format":"gguf"}')
        yield registry


@pytest.fixture(scope="module")
def handy(service: Service) -> Iterator[None]:
    service.post("/api/create", {"model": NAME, "from": MODEL, "template": TEMPLATE, "stream": False}).raise_for_status()
    yield
    with service.client() as client:
        client.request("DELETE", "/api/delete", json={"model": NAME})


@pytest.fixture(params=[ollama.Client, ollama.AsyncClient], ids=["sync", "async"])
async def call(
    request: pytest.FixtureRequest, service: Service, handy: None, registry: DockerRegistry, tmp_path: Path
) -> AsyncIterator[Caller]:
    client = request.param(host=service.url)
    yield Caller(client, registry, tmp_path)
    closed = client.close()
    if inspect.isawaitable(closed):
        await closed


@pytest.mark.parametrize("kind", [ollama.Client, ollama.AsyncClient])
def test_every_method_is_checked_or_left_out_for_a_reason(kind: type) -> None:
    methods = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}

    assert methods == {*CHECKS, *LEFT_OUT}


@pytest.mark.parametrize("method", CHECKS)
async def test_method_does_what_it_says(call: Caller, method: str) -> None:
    await CHECKS[method](call)
