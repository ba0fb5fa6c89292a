"""What the reader of one request sees. Events merge while the reader is slow; too much that waits ends the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inference.errors import InferenceError, ReaderTooSlow
from inference.runner.messages import RequestStats, TokenLogprob
from inference.scheduler.backlog import Backlog
from inference.wake_up import WakeUp

#: About what an entry takes in memory, and each token that was as likely beside it.
_LOGPROB_BYTES = 250
_TOP_BYTES = 150


@dataclass(frozen=True)
class Loading:
    """The model is being loaded; `fraction` from 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Queued:
    """Waiting for a slot; `position` 1 is the next to get one, in about `seconds`, as far as that can be told."""

    position: int
    seconds: int | None = None


@dataclass(frozen=True)
class Prefilling:
    """Tokens of the prompt that are computed, and all of them."""

    completed: int
    total: int


@dataclass(frozen=True)
class Rendered:
    """The prompt as the template wrote it, when it was asked for. `is_thinking`: it ends where a thinking part begins.
    `opening`: see `PromptRendered`."""

    text: str = ""
    num_images: int = 0
    is_thinking: bool = False
    num_prompt_tokens: int = 0
    opening: str = ""


@dataclass(frozen=True)
class Output:
    text: str
    num_tokens: int
    #: Of the text's tokens, when they were asked for.
    logprobs: list[TokenLogprob] = field(default_factory=list)


@dataclass(frozen=True)
class Finished:
    """`finish_reason`: "stop", "length", "repeat", "abort", or "load" when nothing but loading was asked for."""

    finish_reason: str
    stats: RequestStats
    load_duration_ns: int
    #: Of an `Embed` or `Rerank`: see `inference.runner.messages.Embeddings`.
    vectors: Sequence[bytes] = ()
    #: Of prompt and answer, when they were asked for; of a `Tokenize`, its tokens and what each is written with.
    tokens: Sequence[int] = ()
    pieces: Sequence[bytes] = ()
    #: The context it had, and the larger one that it asked for; 0 where it got what it asked for.
    num_ctx: int = 0
    num_ctx_asked: int = 0
    #: The stop string that ended the answer, if one did.
    stop_text: str = ""


Status = Loading | Queued | Prefilling
StreamEvent = Status | Rendered | Output | Finished


class RequestStream:
    """An async iterator of `StreamEvent` that ends after one `Finished` or by raising one `InferenceError`."""

    def __init__(self, on_cancel: Callable[[], None], backlog: "Backlog[RequestStream] | None" = None) -> None:
        """`backlog` is shared by all streams of a service."""
        self._on_cancel = on_cancel
        self._backlog: Backlog[RequestStream] = Backlog() if backlog is None else backlog
        self._status: Status | None = None
        self._shown: Status | None = None
        self._rendered: Rendered | None = None
        self._text: list[str] = []
        self._num_tokens = 0
        self._logprobs: list[TokenLogprob] = []
        self._outcome: Finished | InferenceError | None = None
        self._is_delivered = False
        self._is_cancelled = False
        self._wake = WakeUp()
        self._num_put_tokens = 0
        self._stats: RequestStats | None = None
        self._on_settled: list[Callable[[RequestStats], None]] = []
        self._take_output: Callable[[Output], bool] | None = None

    @property
    def is_ended(self) -> bool:
        """No event will be added any more."""
        return self._outcome is not None or self._is_cancelled

    def cancel(self) -> None:
        """The reader is gone or has all it wanted: unfinished work is aborted. May be called at any time, more than once."""
        if self._is_cancelled:
            return
        had_ended = self.is_ended
        self._is_cancelled = True
        self._drop_unread()
        self._wake.set()
        if not had_ended:
            self._on_cancel()

    def when_settled(self, function: Callable[[RequestStats], None]) -> None:
        """Calls it once with what was computed in all: at once where that is known. It is known with the answer's end or, of
        one that is aborted, a little after it."""
        if self._stats is not None:
            function(self._stats)
        else:
            self._on_settled.append(function)

    def settle(self, stats: RequestStats | None) -> None:
        """What was computed, known from now on; None where nobody can tell more than what came of it. The first counts."""
        if self._stats is None:
            self._stats = stats or RequestStats(num_completion_tokens=self._num_put_tokens)
            waiting, self._on_settled = self._on_settled, []
            for function in waiting:
                function(self._stats)

    def put_status(self, status: Status) -> None:
        """Only the newest unread status is kept."""
        if not self.is_ended and status != self._shown:
            self._status = self._shown = status
            self._wake.set()

    def put_rendered(self, rendered: Rendered) -> None:
        """Comes before all output."""
        if not self.is_ended:
            self._rendered = rendered
            self._wake.set()

    def deliver_to(self, take_output: Callable[[Output], bool]) -> None:
        """Output that comes while the reader waits for it, so after all that came before, is handed over without waking the
        reader. Where `take_output` answers False, the reader gets it."""
        self._take_output = take_output

    def put_output(self, text: str, num_tokens: int, logprobs: list[TokenLogprob] | None = None) -> None:
        if self.is_ended:
            return
        self._num_put_tokens += num_tokens
        take = self._take_output if self._wake.is_waited_for else None
        if take is not None and take(Output(text, num_tokens, logprobs or [])):
            return
        self._status = None
        self._text.append(text)
        self._num_tokens += num_tokens
        self._logprobs += logprobs or ()
        self._wake.set()
        num_bytes = len(text) + sum(_LOGPROB_BYTES + _TOP_BYTES * len(entry.top) for entry in logprobs or ())
        slowest = self._backlog.add(self, num_bytes)
        if slowest is not None:
            slowest.give_up()

    def give_up(self) -> None:
        """Too much waits to be read: it is dropped, and the work ends. The reader is told when it comes."""
        had_ended = self.is_ended
        kept = f"{self._backlog.most_each // 1024**2} MiB at most are kept for it"
        self._outcome = ReaderTooSlow(f"The answer was ended: its reader did not keep up, and {kept}.")
        self._drop_unread()
        self._wake.set()
        if not had_ended:
            self._on_cancel()

    def _drop_unread(self) -> None:
        self._text, self._num_tokens, self._logprobs = [], 0, []
        self._backlog.remove(self)

    def finish(self, outcome: Finished | InferenceError) -> None:
        """The first outcome counts; later ones are passed over."""
        if not self.is_ended:
            self._outcome = outcome
            self._wake.set()
            self.settle(outcome.stats if isinstance(outcome, Finished) else None)

    def __aiter__(self) -> "RequestStream":
        return self

    async def __anext__(self) -> StreamEvent:
        while True:
            if self._is_cancelled or self._is_delivered:
                raise StopAsyncIteration
            event = self._next_event()
            if event is not None:
                return event
            self._wake.clear()
            await self._wake.wait()

    def _next_event(self) -> StreamEvent | None:
        if self._rendered is not None:
            rendered, self._rendered = self._rendered, None
            return rendered
        if self._text:
            output = Output("".join(self._text), self._num_tokens, self._logprobs)
            self._drop_unread()
            return output
        if self._outcome is not None:
            self._is_delivered = True
            if isinstance(self._outcome, InferenceError):
                raise self._outcome
            return self._outcome
        status, self._status = self._status, None
        return status
