"""The real model with everything around it but processes: what a runner does with a `Submit`, one step after another."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from inference.prompt.chat_template import ChatTemplate
from inference.runner.config import RunnerConfig
from inference.runner.engine.engine import Engine, Event
from inference.runner.engine.request import Request
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    OutputDelta,
    RequestFailed,
    RequestFinished,
    SamplingParams,
    Submit,
    TokenLogprob,
)
from inference.runner.preparation import Preparation

NUM_CTX = 192
QUESTION = ChatPrompt([ChatMessage("user", "Tell me something about cats.")])


@dataclass
class Answer:
    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    end: RequestFinished | RequestFailed | None = None

    @property
    def reason(self) -> str:
        assert isinstance(self.end, RequestFinished), self.end
        return self.end.finish_reason


class House:
    def __init__(self, model_path: Path, *, num_ctx: int = NUM_CTX) -> None:
        config = RunnerConfig(
            model_path=str(model_path), socket_path="", num_ctx=num_ctx, num_slots=4, num_batch=64, num_threads=1
        )
        self.model = LlamaModelRunner(config)
        self.engine = Engine(self.model)
        vocabulary = self.model.vocabulary
        template = ChatTemplate(
            self.model.model.chat_template, bos_text="", eos_text=vocabulary.special_text(vocabulary.eos_token)
        )
        self._preparation = Preparation(vocabulary=vocabulary, template=template, num_ctx=self.model.num_ctx)
        self._numbers = itertools.count()

    def submit(self, submit: Submit) -> str:
        """Raises an `InferenceError`."""
        request = self.prepare(submit)
        self.engine.add(request)
        return request.request_id

    def prepare(self, submit: Submit) -> Request:
        """Raises an `InferenceError`."""
        return self._preparation.prepare(msgspec.structs.replace(submit, request_id=str(next(self._numbers))))

    def ask(self, **wishes: object) -> Answer:
        """Greedy, of at most 24 tokens, unless it is said otherwise."""
        return self.ask_all([wishes])[0]

    def ask_all(self, wishes: list[dict[str, object]]) -> list[Answer]:
        defaults = {"request_id": "", "prompt": QUESTION, "sampling": SamplingParams(temperature=0), "max_tokens": 24}
        ids = [self.submit(Submit(**defaults | each)) for each in wishes]  # type: ignore[arg-type]
        return self.run(ids)

    def run(self, ids: list[str]) -> list[Answer]:
        answers = {request_id: Answer() for request_id in ids}
        while self.engine.has_work:
            for event in self.engine.step():
                self._take(event, answers)
        return [answers[request_id] for request_id in ids]

    def _take(self, event: Event, answers: dict[str, Answer]) -> None:
        answer = answers[event.request_id]
        if isinstance(event, OutputDelta):
            answer.text += event.text
            answer.logprobs += event.logprobs
        elif isinstance(event, RequestFinished | RequestFailed):
            assert answer.end is None, "there is one final event"
            answer.end = event


@pytest.fixture(scope="package")
def house(model_path: Path) -> Iterator[House]:
    house = House(model_path)
    yield house
    house.model.close()
