"""Embeddings and reranking through a real runner process."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from inference.errors import ContextLengthExceeded, InvalidRequest
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    Embed,
    Embeddings,
    OutputDelta,
    RequestFinished,
    Rerank,
    Submission,
    TextPrompt,
    TokenPrompt,
)
from tests.inference.runner.asking import ENDLESS, ask, text
from tests.inference.tiny_models import NUM_CTX, NUM_EMBD, SAME, write_bert, write_llama

pytestmark = pytest.mark.model
TIMEOUT_S = 60


@pytest.fixture
async def bert(config: RunnerConfig, tmp_path: Path) -> AsyncIterator[RunnerClient]:
    path = write_bert(tmp_path / "bert.gguf", "mean")
    client = await RunnerClient.start(msgspec.structs.replace(config, model_path=str(path)), timeout=TIMEOUT_S)
    yield client
    await client.close()


async def compute(runner: RunnerClient, message: Submission) -> Embeddings:
    answer = await ask(runner, message)  # type: ignore[arg-type]
    (event,) = answer.events
    assert isinstance(event, Embeddings)
    return event


def texts(request_id: str, *inputs: str, truncate: bool = True, max_tokens: int | None = None) -> Embed:
    prompts: list[TextPrompt | TokenPrompt] = [TextPrompt(text) for text in inputs]
    return Embed(request_id=request_id, inputs=prompts, truncate=truncate, max_tokens=max_tokens)


async def test_embed_text_gets_the_marks_of_its_vocabulary(bert: RunnerClient) -> None:
    as_text = await compute(bert, texts("a", "one two"))
    as_tokens = await compute(bert, Embed(request_id="b", inputs=[TokenPrompt([2, 5, 6, 3])]))

    assert as_text.vectors == as_tokens.vectors
    assert len(as_text.vectors[0]) == 4 * NUM_EMBD
    assert as_text.stats.num_prompt_tokens == 4 and as_text.stats.prompt_eval_duration_ns > 0


async def test_embed_truncation_keeps_the_marks(bert: RunnerClient) -> None:
    cut = await compute(bert, texts("a", "one " * 100, max_tokens=6))
    short = await compute(bert, texts("b", "one " * 4))
    whole = await compute(bert, texts("c", "one " * 100_000))

    assert (cut.vectors, cut.stats.num_prompt_tokens) == (short.vectors, 6)
    assert whole.stats.num_prompt_tokens == NUM_CTX


@pytest.mark.parametrize(
    ("message", "error", "match"),
    [
        (texts("x", "one " * 100, truncate=False), ContextLengthExceeded, "the input length exceeds"),
        (texts("x", "one", max_tokens=2), ContextLengthExceeded, "input after truncation exceeds"),
        (texts("x", "one", max_tokens=0), ContextLengthExceeded, "input after truncation exceeds"),
        (texts("x", "one", max_tokens=-5), ContextLengthExceeded, "input after truncation exceeds"),
        (texts("x"), InvalidRequest, "the list is empty"),
        (Embed(request_id="x", inputs=[TokenPrompt([5]), TokenPrompt([])]), InvalidRequest, "input 1 is empty"),
        (Embed(request_id="x", inputs=[TokenPrompt([10**6])]), InvalidRequest, "does not know"),
        (Embed(request_id="x", inputs=[TokenPrompt([-1])]), InvalidRequest, "does not know"),
        (Rerank(request_id="x", query="a", documents=["b"]), InvalidRequest, "does not rank documents"),
        (text("x", "Hello"), InvalidRequest, "does not write text"),
    ],
)
async def test_embed_impossible_is_refused_and_the_runner_lives(
    bert: RunnerClient, message: Submission, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        await ask(bert, message)  # type: ignore[arg-type]

    assert len((await compute(bert, texts("y", "one"))).vectors) == 1


async def test_embed_of_a_client_that_goes_away_ends(bert: RunnerClient) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        stream = bert.submit(texts("a", *(["one two three " * 15] * 4000)))
        waiting = asyncio.create_task(anext(stream))
        while (await bert.ping(TIMEOUT_S)).num_running == 0:
            assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        await stream.aclose()
        while (await bert.ping(TIMEOUT_S)).num_running:
            pass

    assert waiting.cancelled()


async def test_embed_aborted_says_so(bert: RunnerClient) -> None:
    async def end() -> object:
        return [event async for event in bert.submit(texts("a", *(["one two three " * 15] * 4000)))][-1]

    async with asyncio.timeout(TIMEOUT_S):
        ending = asyncio.create_task(end())
        while (await bert.ping(TIMEOUT_S)).num_running == 0:
            assert not ending.done()
        await bert.abort("a")
        last = await ending

    assert isinstance(last, RequestFinished) and last.finish_reason == "abort"


async def test_embed_beside_a_stream_does_not_stop_it(runner: RunnerClient) -> None:
    """Of the starter model: short inputs by the dozen, and the stream's tokens come in between."""
    order: list[str] = []

    async def stream() -> None:
        async for event in runner.submit(text("s", "one two three four", sampling=ENDLESS, max_tokens=60)):
            order.extend(["token"] if isinstance(event, OutputDelta) else [])

    async def embed() -> None:
        for number in range(6):
            await compute(runner, texts(f"e{number}", "one two three", "four five six"))
            order.append("vector")

    async with asyncio.timeout(TIMEOUT_S):
        await asyncio.gather(stream(), embed())

    first, last = order.index("vector"), len(order) - 1 - order[::-1].index("vector")
    assert "token" in order[first:last]


async def test_embed_by_a_chat_model_equals_itself_one_by_one(runner: RunnerClient) -> None:
    sentences = ["A cat sits on the mat.", "The bank raised rates.", "你好，世界"]
    together = await compute(runner, texts("all", *sentences))
    alone = [await compute(runner, texts(str(number), sentence)) for number, sentence in enumerate(sentences)]

    for vector, single in zip(together.vectors, alone, strict=True):
        left, right = struct.unpack("<576f", vector), struct.unpack("<576f", single.vectors[0])
        cosine = sum(a * b for a, b in zip(left, right, strict=True)) / math.hypot(*left) / math.hypot(*right)
        assert cosine == pytest.approx(1, abs=1e-4)


async def test_rerank_scores_each_document_and_cuts_long_ones(config: RunnerConfig, tmp_path: Path) -> None:
    path = write_bert(tmp_path / "rank.gguf", "rank")
    runner = await RunnerClient.start(msgspec.structs.replace(config, model_path=str(path)), timeout=TIMEOUT_S)
    try:
        several = await compute(runner, Rerank(request_id="a", query="one two", documents=["red", "sun moon", "cat " * 500]))
        alone = await compute(runner, Rerank(request_id="b", query="one two", documents=["sun moon"]))
        with pytest.raises(InvalidRequest, match="does not make embeddings"):
            await compute(runner, texts("c", "one"))
    finally:
        await runner.close()

    scores = [struct.unpack("<f", vector)[0] for vector in several.vectors]
    assert len(set(scores)) == 3 and all(0 < score < 1 for score in scores)
    assert struct.unpack("<f", alone.vectors[0])[0] == pytest.approx(scores[1], abs=SAME)
    # [CLS] one two [SEP] before each document.
    assert several.stats.num_prompt_tokens == 5 + 6 + NUM_CTX


async def test_rerank_by_the_models_own_template(config: RunnerConfig, tmp_path: Path) -> None:
    template = "[CLS] what is {query} [SEP] the {document} [SEP]"
    path = write_llama(tmp_path / "rank.gguf", "rank", rerank_template=template)
    runner = await RunnerClient.start(msgspec.structs.replace(config, model_path=str(path)), timeout=TIMEOUT_S)
    try:
        short = await compute(runner, Rerank(request_id="a", query="{document} one", documents=["red sun", "moon"]))
        long = await compute(runner, Rerank(request_id="b", query="one", documents=["red sun " * 300]))
        with pytest.raises(ContextLengthExceeded, match="no room for a document"):
            await compute(runner, Rerank(request_id="c", query="one " * 100, documents=["red"]))
    finally:
        await runner.close()

    assert len(short.vectors) == 2
    assert NUM_CTX - 2 <= long.stats.num_prompt_tokens <= NUM_CTX
