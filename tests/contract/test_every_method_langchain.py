"""Every way of asking that `langchain-ollama` has, which MaxKB and many others are built on. A method that appears in a new
version makes the first test fail until it is dealt with."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from pydantic import BaseModel

from tests.contract.service import MODEL, Service
from tests.contract.test_templates import TEMPLATE, forced

NAME = "chained:latest"
#: Each token that is forced takes a look at the whole vocabulary.
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CALL = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
#: What a class says of its own; LangChain's methods lead to the four that begin with an underscore.
HOOKS = {"_generate", "_stream", "_agenerate", "_astream"}
HANDLED = {
    ChatOllama: {*HOOKS, "bind_tools", "with_structured_output", "model_post_init"},
    OllamaLLM: {*HOOKS, "model_post_init"},
    OllamaEmbeddings: {"embed_documents", "embed_query", "aembed_documents", "aembed_query", "model_post_init"},
}


class Person(BaseModel):
    age: int


@pytest.fixture(scope="module")
def chained(service: Service) -> Iterator[Service]:
    service.post("/api/create", {"model": NAME, "from": MODEL, "template": TEMPLATE, "stream": False}).raise_for_status()
    yield service
    with service.client() as client:
        client.request("DELETE", "/api/delete", json={"model": NAME})


@pytest.fixture
async def make(chained: Service) -> AsyncIterator[Callable[..., Any]]:
    """Makes models that ask the service, and closes their connections, which they leave open."""
    made: list[Any] = []

    def make(kind: type, model: str = MODEL, **fields: Any) -> Any:
        options = {} if kind is OllamaEmbeddings else {"temperature": 0.0, "num_predict": 4}
        made.append(kind(model=model, base_url=chained.url, **{**options, **fields}))
        return made[-1]

    yield make
    for model in made:
        model._client._client.close()
        await model._async_client._client.aclose()


@pytest.mark.parametrize("kind", HANDLED)
def test_every_method_is_dealt_with(kind: type) -> None:
    methods = {name for name, value in vars(kind).items() if callable(value) and (not name.startswith("_") or name in HOOKS)} - {
        "Config"
    }

    assert methods == HANDLED[kind]


async def test_chat_is_invoked_streamed_and_batched_in_both_ways(make: Callable[..., Any]) -> None:
    model = make(ChatOllama, validate_model_on_init=True)
    answers = [
        model.invoke("Hi"),
        await model.ainvoke("Hi"),
        *model.batch(["Hi"]),
        *await model.abatch(["Hi"]),
    ]
    streamed = list(model.stream("Hi"))
    streamed_async = [part async for part in model.astream("Hi")]

    texts = {str(answer.content) for answer in answers}
    texts |= {"".join(str(part.content) for part in parts) for parts in (streamed, streamed_async)}
    assert len(texts) == 1 and texts != {""}
    assert all(answer.usage_metadata["output_tokens"] == 4 for answer in answers)
    assert answers[0].response_metadata["done_reason"] == "length"
    assert len(streamed) > 3


async def test_chat_calls_tools_and_takes_their_results(make: Callable[..., Any]) -> None:
    model = make(ChatOllama, NAME, reasoning=False, num_predict=30).bind_tools([TOOL], options=forced(CALL))
    answer = await model.ainvoke("Rain?")

    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("f", {})]
    messages = [HumanMessage("Rain?"), answer, ToolMessage("dry", tool_call_id=answer.tool_calls[0]["id"])]
    assert isinstance(make(ChatOllama, NAME, reasoning=False).invoke(messages), AIMessage)


def test_chat_thinks_beside_its_content(make: Callable[..., Any]) -> None:
    answer = make(ChatOllama, NAME, reasoning="high").invoke("Rain?")

    assert answer.additional_kwargs["reasoning_content"]
    assert answer.content == ""


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
def test_structured_output_keeps_to_its_schema(make: Callable[..., Any], method: str) -> None:
    model = make(ChatOllama, num_predict=16).with_structured_output(Person, method=method, include_raw=True)

    found = model.invoke('Answer in JSON, as {"age": 5}.')

    assert isinstance(found, dict)
    if method == "json_schema":
        assert isinstance(found["parsed"], Person)
    else:
        assert str(found["raw"].content).lstrip().startswith("{")


async def test_text_model_is_invoked_and_streamed_in_both_ways(make: Callable[..., Any]) -> None:
    model = make(OllamaLLM)
    texts = [
        model.invoke("Hi"),
        await model.ainvoke("Hi"),
        "".join(model.stream("Hi")),
        "".join([part async for part in model.astream("Hi")]),
    ]

    assert len(set(texts)) == 1 and texts[0]


async def test_embeddings_are_made_in_both_ways(make: Callable[..., Any]) -> None:
    model = make(OllamaEmbeddings)
    documents = model.embed_documents(["one", "two"])

    assert await model.aembed_documents(["one", "two"]) == documents
    assert model.embed_query("one") == await model.aembed_query("one") == pytest.approx(documents[0], abs=1e-4)
    assert len(documents[0]) == 576
