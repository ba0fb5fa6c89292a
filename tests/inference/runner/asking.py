"""Short ways to ask a runner in tests."""

from dataclasses import dataclass, field

from inference.runner.client import Output, RunnerClient
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    OutputDelta,
    Prompt,
    RequestFinished,
    SamplingParams,
    Submit,
    TextPrompt,
)

GREEDY = SamplingParams(temperature=0)
#: Goes on until it is told to stop.
ENDLESS = SamplingParams(temperature=0, ignore_eos=True)


@dataclass
class Answer:
    events: list[Output] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, OutputDelta))

    @property
    def end(self) -> RequestFinished:
        assert isinstance(self.events[-1], RequestFinished)
        return self.events[-1]


def chat(request_id: str, question: str, *, sampling: SamplingParams = GREEDY, max_tokens: int | None = 16) -> Submit:
    return Submit(
        request_id=request_id, prompt=ChatPrompt([ChatMessage("user", question)]), sampling=sampling, max_tokens=max_tokens
    )


def text(request_id: str, prompt: str, *, sampling: SamplingParams = GREEDY, max_tokens: int | None = 16) -> Submit:
    return submit(request_id, TextPrompt(prompt), sampling=sampling, max_tokens=max_tokens)


def submit(
    request_id: str,
    prompt: Prompt,
    *,
    sampling: SamplingParams = GREEDY,
    max_tokens: int | None = 16,
    stop: list[str] | None = None,
) -> Submit:
    return Submit(request_id=request_id, prompt=prompt, sampling=sampling, max_tokens=max_tokens, stop=stop or [])


async def ask(runner: RunnerClient, request: Submit) -> Answer:
    answer = Answer()
    async for event in runner.submit(request):
        answer.events.append(event)
    return answer
