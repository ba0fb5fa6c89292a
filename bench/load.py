"""A streaming load client that costs little: N clients at once, each one request after another, over plain sockets.

Speaks to any OpenAI- or Ollama-shaped chat endpoint, so that two servers get the same work from the same program.
"""

import asyncio
import json
import statistics
import time
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

TOPICS = (
    "bread", "the compass", "glass", "the plough", "paper", "bridges", "salt", "the clock",
    "wool", "maps", "rope", "the lock", "soap", "ink", "the wheel", "roads",
)  # fmt: skip
PROMPT = "Tell me, at length and in plain words, the history of {topic} and why it matters today."


@dataclass(frozen=True)
class Target:
    """`api` is "openai" or "ollama"; `key` is an API key, where one is needed."""

    url: str
    model: str
    api: str
    key: str = ""


@dataclass
class Answer:
    """Times in seconds on one clock; `num_tokens` as the server counted them."""

    started: float
    stamps: list[float] = field(default_factory=list)
    num_tokens: int = 0
    num_prompt_tokens: int = 0
    text: str = ""
    error: str = ""

    @property
    def ttft(self) -> float:
        return self.stamps[0] - self.started

    @property
    def token_time(self) -> float:
        """Between two tokens, on the average."""
        return (self.stamps[-1] - self.stamps[0]) / max(1, self.num_tokens - 1)

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.stamps, self.stamps[1:], strict=False)]


def question(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": PROMPT.format(topic=TOPICS[number % len(TOPICS)])}]


def request_body(
    target: Target, messages: list[dict[str, str]], max_tokens: int, temperature: float
) -> tuple[str, dict[str, Any]]:
    """Path and body; generation goes on to `max_tokens` whatever the model says, so that the work is the same."""
    body: dict[str, Any] = {"model": target.model, "stream": True, "messages": messages}
    if target.api == "openai":
        body |= {
            "max_tokens": max_tokens,
            "temperature": temperature,
            # llama-server's name for it, and Hearth's.
            "ignore_eos": True,
            "options": {"ignore_eos": True},
            "stream_options": {"include_usage": True},
        }
        return "/v1/chat/completions", body
    body["options"] = {"num_predict": max_tokens, "temperature": temperature, "ignore_eos": True}
    return "/api/chat", body


async def lines(target: Target, path: str, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of the stream. Raises OSError with the server's words on any status but 200."""
    url = urllib.parse.urlsplit(target.url)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    head += f"Authorization: Bearer {target.key}\r\n" if target.key else ""
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=1 << 22)
    try:
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + data)
        status = (await reader.readline()).decode()
        while (await reader.readline()).strip():
            pass
        if " 200 " not in status:
            raise OSError(status.strip() + " " + (await reader.read(500)).decode(errors="replace"))
        while line := await reader.readline():
            line = line.strip().removeprefix(b"data: ")
            if line.startswith(b"{"):
                yield json.loads(line)
    finally:
        writer.close()


def _take(answer: Answer, line: dict[str, Any]) -> None:
    if "error" in line:
        answer.error = str(line["error"])
    if usage := line.get("usage"):
        answer.num_tokens, answer.num_prompt_tokens = usage["completion_tokens"], usage["prompt_tokens"]
    if "eval_count" in line:
        answer.num_tokens, answer.num_prompt_tokens = line["eval_count"], line.get("prompt_eval_count", 0)
    choices = line.get("choices") or [{}]
    text = line.get("message", {}).get("content") or choices[0].get("delta", {}).get("content") or ""
    if text:
        answer.stamps.append(time.perf_counter())
        answer.text += text


async def ask(
    target: Target, messages: list[dict[str, str]], *, max_tokens: int, temperature: float = 0.8, into: Answer | None = None
) -> Answer:
    """One streamed answer; `into` lets a caller watch it grow."""
    answer = into or Answer(time.perf_counter())
    answer.started = time.perf_counter()
    path, body = request_body(target, messages, max_tokens, temperature)
    try:
        async for line in lines(target, path, body):
            _take(answer, line)
    except OSError as error:
        answer.error = str(error)
    return answer


def quantile(values: Sequence[float], fraction: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))] if ordered else float("nan")


async def load(target: Target, *, clients: int, requests: int, max_tokens: int) -> dict[str, float]:
    """`requests` answers in all from `clients` clients at once. Tokens/s over the whole, TTFT in s, gaps in ms."""
    left = list(range(requests))
    answers: list[Answer] = []

    async def client() -> None:
        while left:
            number = left.pop(0)
            answers.append(await ask(target, question(number), max_tokens=max_tokens))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    wall = time.perf_counter() - started
    failed = [answer.error for answer in answers if answer.error or not answer.stamps]
    if failed:
        raise RuntimeError(f"{len(failed)} of {requests} requests failed: {failed[0] or 'no text'}")
    gaps = [1000 * gap for answer in answers for gap in answer.gaps]
    return {
        "tokens_per_second": sum(answer.num_tokens for answer in answers) / wall,
        "ttft_median": statistics.median(answer.ttft for answer in answers),
        "gap_median_ms": quantile(gaps, 0.5),
        "gap_p99_ms": quantile(gaps, 0.99),
        "token_ms": 1000 * statistics.median(answer.token_time for answer in answers),
    }


async def stall(target: Target, *, prompt_tokens: int) -> dict[str, float]:
    """One client streams; two seconds in, another sends a long prompt. Gaps of the first while the second is read, in ms."""
    first = Answer(time.perf_counter())
    story = [{"role": "user", "content": "Write a very long story about a lighthouse keeper. Do not stop."}]
    streaming = asyncio.create_task(ask(target, story, max_tokens=1500, into=first))
    await asyncio.sleep(2)
    sentence = "The harbour master wrote down every ship, its cargo and its captain. "
    long = [{"role": "user", "content": sentence * (prompt_tokens // 14) + "\nSummarise."}]
    second = await ask(target, long, max_tokens=8)
    if second.error or first.error:
        raise RuntimeError(second.error or first.error)
    streaming.cancel()
    pairs = zip(first.stamps, first.stamps[1:], strict=False)
    during = [1000 * (later - earlier) for earlier, later in pairs if second.started <= later <= second.stamps[0] + 0.05]
    return {
        "gap_median_ms": quantile(during, 0.5),
        "gap_p99_ms": quantile(during, 0.99),
        "gap_max_ms": max(during),
        "long_ttft": second.ttft,
    }
