"""The runner without the service: the same questions as `bench.load`, over the socket that the service itself uses."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.load import Answer, question
from bench.servers import STARTER, Settings
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    OutputDelta,
    RequestFinished,
    SamplingParams,
    Submit,
)


async def _ask(runner: RunnerClient, number: int, max_tokens: int) -> Answer:
    messages = [ChatMessage(role=message["role"], content=message["content"]) for message in question(number)]
    submit = Submit(
        request_id=str(number),
        prompt=ChatPrompt(messages),
        sampling=SamplingParams(ignore_eos=True),
        max_tokens=max_tokens,
        scope="bench",
    )
    answer = Answer(time.perf_counter())
    async for event in runner.submit(submit):
        if isinstance(event, OutputDelta):
            answer.stamps.append(time.perf_counter())
        elif isinstance(event, RequestFinished):
            answer.num_tokens = event.stats.num_completion_tokens
    return answer


async def direct_load(settings: Settings, *, clients: int, requests: int, max_tokens: int) -> dict[str, float]:
    """As `bench.load.load`, after one short answer that warms it."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        config = RunnerConfig(
            model_path=str(STARTER),
            socket_path=str(Path(folder) / "runner.sock"),
            num_ctx=settings.context,
            num_slots=settings.slots,
            num_threads=settings.threads,
        )
        runner = await RunnerClient.start(config)
        try:
            await _ask(runner, -1, 16)
            left = list(range(requests))
            answers: list[Answer] = []

            async def client() -> None:
                while left:
                    answers.append(await _ask(runner, left.pop(0), max_tokens))

            started = time.perf_counter()
            await asyncio.gather(*(client() for _ in range(clients)))
            wall = time.perf_counter() - started
        finally:
            await runner.close()
    return {
        "tokens_per_second": sum(answer.num_tokens for answer in answers) / wall,
        "token_ms": 1000 * statistics.median(answer.token_time for answer in answers),
    }
