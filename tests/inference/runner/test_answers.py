"""What a runner with the starter model answers."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from inference.errors import ContextLengthExceeded, InvalidRequest
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    OutputDelta,
    Prompt,
    PromptProgress,
    SamplingParams,
    TextPrompt,
    TokenPrompt,
)
from tests.inference.runner.asking import ENDLESS, GREEDY, ask, chat, submit, text

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

COUNTING = "one two three four five six seven eight nine ten eleven"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunnerClient]:
    """One for all: none of them harms it."""
    socket = tmp_path_factory.mktemp("answers") / "runner.sock"
    config = RunnerConfig(model_path=str(model_path), socket_path=str(socket), num_ctx=512, num_slots=2, num_threads=1)
    client = await RunnerClient.start(config, timeout=60)
    yield client
    await client.close()


async def test_answer_ends_by_itself_with_counts(runner: RunnerClient) -> None:
    answer = await ask(runner, chat("a", "Say only the word yes.", max_tokens=None))

    stats = answer.end.stats
    assert answer.end.finish_reason in {"stop", "length"}
    assert answer.text.strip()
    assert stats.num_prompt_tokens > 10
    # The token that ends an answer is counted and has no text.
    shown = sum(event.num_tokens for event in answer.events if isinstance(event, OutputDelta))
    assert stats.num_completion_tokens - shown == (answer.end.finish_reason == "stop")
    assert stats.prompt_eval_duration_ns > 0 and stats.eval_duration_ns > 0


async def test_answer_max_tokens_is_kept(runner: RunnerClient) -> None:
    answer = await ask(runner, text("a", COUNTING, sampling=ENDLESS, max_tokens=7))

    assert (answer.end.finish_reason, answer.end.stats.num_completion_tokens) == ("length", 7)


async def test_answer_without_max_tokens_fills_the_context(runner: RunnerClient) -> None:
    prompt = TokenPrompt([10] * 500)

    answer = await ask(runner, submit("a", prompt, sampling=ENDLESS, max_tokens=None))

    stats = answer.end.stats
    assert (answer.end.finish_reason, stats.num_prompt_tokens + stats.num_completion_tokens) == ("length", 512)


async def test_answer_two_requests_interleave(runner: RunnerClient) -> None:
    order: list[str] = []

    async def read(name: str) -> None:
        request = text(name, COUNTING, sampling=ENDLESS, max_tokens=30)
        async for event in runner.submit(request):
            order.extend([name] if isinstance(event, OutputDelta) else [])

    await asyncio.gather(read("a"), read("b"))

    # Both had their first token before either had its last.
    last_of_first = min(len(order) - 1 - order[::-1].index(name) for name in "ab")
    assert {"a", "b"} <= set(order[:last_of_first])
    changes = sum(left != right for left, right in itertools.pairwise(order))
    assert changes >= 10


async def test_answer_same_seed_draws_the_same(runner: RunnerClient) -> None:
    sampling = SamplingParams(temperature=1.0, seed=7)

    answers = [await ask(runner, text(name, "The weather", sampling=sampling, max_tokens=3)) for name in ("a", "b")]
    samplings = [SamplingParams(temperature=1.0, seed=seed) for seed in range(8, 14)]
    others = [await ask(runner, text("c", "The weather", sampling=other, max_tokens=3)) for other in samplings]

    assert answers[0].text == answers[1].text
    assert len({other.text for other in others}) > 1


async def test_answer_alone_and_beside_another_agree_where_the_model_is_sure(runner: RunnerClient) -> None:
    """Rows of one batch are computed in another order of additions than a row alone, so logits differ in their last bits
    and close decisions may fall differently. A sequence that the model is sure of comes out the same."""
    sure = text("alone", f"{COUNTING}\n{COUNTING}\n{COUNTING}\none two three four", max_tokens=6)
    alone = await ask(runner, sure)

    beside, _other = await asyncio.gather(
        ask(runner, text("beside", sure.prompt.text, max_tokens=6)),
        ask(runner, text("other", "A long time ago there was a king who", sampling=ENDLESS, max_tokens=20)),
    )

    assert alone.text == beside.text == " five six seven eight nine ten"


async def test_answer_common_beginning_is_not_computed_again(runner: RunnerClient) -> None:
    # No other prompt begins so.
    beginning = f"Numbers: {COUNTING}\n{COUNTING}\n{COUNTING}\none two three"
    fresh = await ask(runner, text("a", beginning + " four", max_tokens=5))

    again = await ask(runner, text("b", beginning + " four", max_tokens=5))

    assert fresh.end.stats.num_cached_tokens == 0
    assert again.end.stats.num_cached_tokens == again.end.stats.num_prompt_tokens - 1
    assert again.text == fresh.text


async def test_answer_stop_string_ends_it_unseen(runner: RunnerClient) -> None:
    prompt = TextPrompt(f"{COUNTING}\n{COUNTING}\n{COUNTING}\none two three")

    answer = await ask(runner, submit("a", prompt, max_tokens=30, stop=["ven ei"]))

    assert (answer.text, answer.end.finish_reason) == (" four five six se", "stop")


async def test_answer_split_characters_are_never_shown_broken(runner: RunnerClient) -> None:
    """The vocabulary has few Chinese characters and no such emoji as whole tokens."""
    line = "用中文写：你好，世界！🌍👩‍🚀🇩🇪 再见。\n"

    answer = await ask(runner, text("a", line * 4, sampling=ENDLESS, max_tokens=40))

    assert "\ufffd" not in answer.text
    assert line[:6] in answer.text
    assert any(event.num_tokens > 1 for event in answer.events if isinstance(event, OutputDelta))


async def test_answer_assistant_message_is_continued(runner: RunnerClient) -> None:
    messages = [ChatMessage("user", "Count to twelve."), ChatMessage("assistant", COUNTING[:-7])]

    answer = await ask(runner, submit("a", ChatPrompt(messages), max_tokens=2))

    assert answer.text.startswith(" ele")


async def test_answer_long_prompt_tells_its_progress(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(msgspec.structs.replace(config, num_batch=128), timeout=60)
    try:
        answer = await ask(runner, submit("long", TokenPrompt([10] * 400), max_tokens=1))
    finally:
        await runner.close()

    progress = [event for event in answer.events if isinstance(event, PromptProgress)]
    # A slow reader is told less often, never out of order.
    assert {event.num_computed_tokens for event in progress} <= {128, 256, 384}
    assert progress[0].num_prompt_tokens == 400
    assert progress == sorted(progress, key=lambda event: event.num_computed_tokens)


async def test_prompt_too_long_names_both_numbers(runner: RunnerClient) -> None:
    with pytest.raises(ContextLengthExceeded, match=r"\b600 tokens.*\b512\b"):
        await ask(runner, submit("a", TokenPrompt([10] * 600)))


async def test_prompt_as_long_as_the_context_is_too_long(runner: RunnerClient) -> None:
    with pytest.raises(ContextLengthExceeded):
        await ask(runner, submit("a", TokenPrompt([10] * 512)))

    assert (await ask(runner, submit("b", TokenPrompt([10] * 511), sampling=ENDLESS))).end.stats.num_completion_tokens == 1


async def test_prompt_truncated_leaves_out_oldest_turns_and_says_so(runner: RunnerClient) -> None:
    turns = [
        message
        for number in range(40)
        for message in (ChatMessage("user", f"Question {number}, please?"), ChatMessage("assistant", f"Answer {number}."))
    ]
    messages = [ChatMessage("system", "Be brief."), *turns, ChatMessage("user", "Last question?")]

    answer = await ask(runner, submit("a", ChatPrompt(messages), max_tokens=4))
    with pytest.raises(ContextLengthExceeded):
        await ask(runner, submit("b", ChatPrompt(messages, truncate=False), max_tokens=4))

    stats = answer.end.stats
    assert stats.num_dropped_tokens > 100
    assert 400 < stats.num_prompt_tokens <= 512 - 4


async def test_prompt_whose_last_turn_is_too_long_fails_though_truncated(runner: RunnerClient) -> None:
    messages = [ChatMessage("user", "first"), ChatMessage("assistant", "yes"), ChatMessage("user", "word " * 600)]

    with pytest.raises(ContextLengthExceeded, match="512"):
        await ask(runner, submit("a", ChatPrompt(messages)))


@pytest.mark.parametrize(
    "prompt",
    [
        TextPrompt("é" * 200_000),
        ChatPrompt([ChatMessage("user", "é" * 200_000)], truncate=False),
        ChatPrompt([ChatMessage("user", "Hi"), ChatMessage("assistant", "Yes?"), ChatMessage("user", "é" * 200_000)]),
    ],
    ids=["text", "conversation", "last turn"],
)
async def test_prompt_that_cannot_fit_however_it_is_cut_is_refused_before_it_is(runner: RunnerClient, prompt: Prompt) -> None:
    with pytest.raises(ContextLengthExceeded, match=r"at least 781 tokens.*\b512\b"):
        await ask(runner, submit("a", prompt))


async def test_conversation_far_beyond_the_context_still_answers_its_last_turn(runner: RunnerClient) -> None:
    messages = [ChatMessage("user", "one two " * 20_000), ChatMessage("assistant", "Yes."), ChatMessage("user", "Hi")]

    stats = (await ask(runner, submit("a", ChatPrompt(messages), max_tokens=1))).end.stats

    assert stats.num_dropped_tokens > 40_000
    assert stats.num_prompt_tokens < 50


@pytest.mark.parametrize(
    ("prompt", "sampling", "max_tokens"),
    [
        (ChatPrompt([]), GREEDY, 5),
        (TokenPrompt([]), GREEDY, 5),
        (TextPrompt(""), GREEDY, 5),
        (TokenPrompt([-1]), GREEDY, 5),
        (TokenPrompt([10**9]), GREEDY, 5),
        (TextPrompt("a"), SamplingParams(repeat_penalty=0), 5),
        (TextPrompt("a"), SamplingParams(temperature=float("nan")), 5),
        (TextPrompt("a"), SamplingParams(top_p=float("inf")), 5),
        (TextPrompt("a"), SamplingParams(top_k=2**40), 5),
        (TextPrompt("a"), GREEDY, -1),
    ],
    ids=["no messages", "no tokens", "no text", "token -1", "token 10^9", "penalty", "nan", "inf", "top_k", "max_tokens"],
)
async def test_prompt_impossible_is_refused_and_the_runner_lives(
    runner: RunnerClient, prompt, sampling: SamplingParams, max_tokens: int
) -> None:
    with pytest.raises(InvalidRequest):
        await ask(runner, submit("a", prompt, sampling=sampling, max_tokens=max_tokens))

    assert (await ask(runner, text("b", COUNTING, max_tokens=1))).end.stats.num_completion_tokens == 1


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingParams(temperature=2.0, top_k=0, top_p=1.0, seed=1),
        SamplingParams(temperature=1.0, top_k=-5, top_p=0.0, min_p=1.0, typical_p=0.0, seed=2**62),
        SamplingParams(temperature=0.5, typical_p=0.5, min_p=0.2, repeat_last_n=-1, repeat_penalty=1.3, seed=3),
        SamplingParams(temperature=0, repeat_last_n=0, repeat_penalty=1.3, presence_penalty=2.0, frequency_penalty=-2.0),
        SamplingParams(temperature=-1.0, repeat_last_n=10**9, frequency_penalty=1.0),
    ],
)
async def test_sampling_any_values_give_tokens(runner: RunnerClient, sampling: SamplingParams) -> None:
    answer = await ask(runner, text("a", COUNTING, sampling=sampling, max_tokens=3))

    assert 1 <= answer.end.stats.num_completion_tokens <= 3


async def test_sampling_repeat_penalty_avoids_what_the_prompt_said(runner: RunnerClient) -> None:
    prompt = f"{COUNTING}\n{COUNTING}\n{COUNTING}\none two three"
    sampling = SamplingParams(temperature=0, ignore_eos=True, repeat_penalty=5.0)

    plain = await ask(runner, text("a", prompt, sampling=ENDLESS, max_tokens=3))
    penalised = await ask(runner, text("b", prompt, sampling=sampling, max_tokens=3))

    assert plain.text == " four five six"
    assert not {"four", "five", "six"} & set(penalised.text.split())
