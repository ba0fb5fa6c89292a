"""Several answers to one request: `n` of each prompt."""

from collections.abc import Sequence

from inference.api.choice import Choice
from inference.api.prepared import Prepared
from inference.errors import InferenceError, InvalidRequest

#: Each is a request of its own to the scheduler.
MAX_CHOICES = 16


def check_choices(count: int) -> None:
    if not 1 <= count <= MAX_CHOICES:
        raise InvalidRequest(f"n must be from 1 to {MAX_CHOICES}", "n")


def start_choices(prompts: Sequence[Prepared], per_prompt: int) -> list[Choice]:
    """Those of the first prompt first. A beginning that several ask for at the same time is computed once. Raises an
    `InferenceError` when there is no place for all of them; none is left running then."""
    choices: list[Choice] = []
    try:
        for number, prepared in enumerate(prompts):
            for offset in range(per_prompt):
                # One by one: what was started before a refusal has to be known.
                choices.append(prepared.start(offset, prompt=number))  # noqa: PERF401
    except InferenceError:
        for choice in choices:
            choice.stream.cancel()
        raise
    return choices
