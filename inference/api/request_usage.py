"""How many tokens one HTTP request of a key's holder took, all its answers together, also where it was cut off.

What is computed for an answer that nobody reads any more is known only after the step that is being computed, when the
connection that asked for it is long gone. So it is kept by the request's id for the web process to ask: see `usage_record`.
"""

import asyncio

from starlette.types import Scope

from inference.runner.messages import RequestStats
from inference.scheduler import RequestStream

_USAGE = "hearth.usage"


class RequestUsage:
    """Grows while its streams come to their ends. A prompt counts once, however many choices were asked for."""

    def __init__(self) -> None:
        self._prompts: dict[int, int] = {}
        self._num_completion_tokens = 0
        self._num_open = 0
        self._is_closed = False
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Nothing is computed for the request any more, and nothing more will be."""
        return self._over.is_set()

    def add(self, stream: RequestStream, prompt: int = 0) -> None:
        """Streams that answer one prompt have the same number."""
        self._num_open += 1

        def settled(stats: RequestStats) -> None:
            self._prompts[prompt] = max(self._prompts.get(prompt, 0), stats.num_prompt_tokens)
            self._num_completion_tokens += stats.num_completion_tokens
            self._num_open -= 1
            self._look_whether_over()

        stream.when_settled(settled)

    def close(self) -> None:
        """The request has been answered or given up: nothing is started for it any more."""
        self._is_closed = True
        self._look_whether_over()

    async def wait_until_over(self) -> None:
        await self._over.wait()

    def counts(self) -> dict[str, int]:
        """As far as known."""
        return {"prompt_tokens": sum(self._prompts.values()), "completion_tokens": self._num_completion_tokens}

    def _look_whether_over(self) -> None:
        if self._is_closed and not self._num_open:
            self._over.set()


def keep_usage(scope: Scope, usage: RequestUsage) -> None:
    scope[_USAGE] = usage


def usage_of(scope: Scope) -> RequestUsage | None:
    """None where nobody will ask."""
    usage = scope.get(_USAGE)
    return usage if isinstance(usage, RequestUsage) else None
