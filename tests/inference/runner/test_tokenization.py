"""Tokens of texts and conversations through a real runner process."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from inference.errors import InvalidRequest, PayloadTooLarge
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    TextPrompt,
    Tokenize,
    TokenPrompt,
    Tokens,
)
from inference.runner.token_preparation import MAX_TOKENS
from tests.inference.tiny_models import write_bert

pytestmark = pytest.mark.model


@pytest.fixture
async def bert(config: RunnerConfig, tmp_path: Path) -> AsyncIterator[RunnerClient]:
    path = write_bert(tmp_path / "bert.gguf", "mean")
    client = await RunnerClient.start(msgspec.structs.replace(config, model_path=str(path)), timeout=60)
    yield client
    await client.close()


async def tokens_of(runner: RunnerClient, prompt: ChatPrompt | TextPrompt | TokenPrompt, *, adds_special: bool = False) -> Tokens:
    (event,) = [
        event
        async for event in runner.submit(Tokenize(request_id="t", prompt=prompt, adds_special=adds_special, wants_pieces=True))
    ]
    assert isinstance(event, Tokens)
    return event


async def test_tokens_of_a_text_and_their_pieces_make_the_text_again(runner: RunnerClient) -> None:
    text = "Grüße, 世界 🦆 <|im_end|>"
    found = await tokens_of(runner, TextPrompt(text))
    as_text = await tokens_of(runner, TextPrompt(text, parse_special=False))
    back = await tokens_of(runner, TokenPrompt(found.tokens))

    assert b"".join(found.pieces).decode() == text
    assert found.size == len(found.tokens) == len(found.pieces)
    assert found.pieces[-1] == b"<|im_end|>"
    assert len(as_text.tokens) > len(found.tokens)
    assert back.pieces == found.pieces


async def test_tokens_of_a_conversation_are_whole_beyond_the_context(runner: RunnerClient) -> None:
    short = await tokens_of(runner, ChatPrompt([ChatMessage("user", "Hi")]))
    long = await tokens_of(runner, ChatPrompt([ChatMessage("user", "word " * 1000)]))

    assert b"".join(short.pieces).endswith(b"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert long.size > 1000 > 512 == runner.ready.num_ctx


async def test_tokens_unknown_to_the_model_are_refused(runner: RunnerClient) -> None:
    for token in (-1, 49152, 2**31):
        with pytest.raises(InvalidRequest, match=f"tokens names {token}, which this model does not know .it knows 49152"):
            await tokens_of(runner, TokenPrompt([1, token]))


async def test_tokens_of_an_embedding_model_with_its_marks_and_without_conversations(bert: RunnerClient) -> None:
    bare = await tokens_of(bert, TextPrompt("one two"))
    framed = await tokens_of(bert, TextPrompt("one two"), adds_special=True)

    assert framed.tokens == [2, *bare.tokens, 3]
    with pytest.raises(InvalidRequest, match="does not write text"):
        await tokens_of(bert, ChatPrompt([ChatMessage("user", "one")]))


async def test_more_tokens_than_an_answer_can_hold_are_refused_and_the_runner_goes_on(runner: RunnerClient) -> None:
    with pytest.raises(PayloadTooLarge, match=f"{MAX_TOKENS + 1} tokens; at most {MAX_TOKENS}"):
        await tokens_of(runner, TokenPrompt([1] * (MAX_TOKENS + 1)))

    assert (await tokens_of(runner, TextPrompt("one"))).size == 1
