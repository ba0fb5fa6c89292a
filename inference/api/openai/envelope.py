"""What every object of an answer in OpenAI's shape carries, and what it says of tokens."""

import os
import time
from collections.abc import Sequence
from typing import Any

from inference.api.lines import context_field
from inference.scheduler import Finished
from inference.version import VERSION

#: Changes when answers to the same seed may.
SYSTEM_FINGERPRINT = f"fp_hearth_{VERSION}"


def new_envelope(prefix: str, model: str) -> dict[str, Any]:
    """The same in each piece of one answer. `prefix` is of the id."""
    return {
        "id": prefix + os.urandom(14).hex(),
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": SYSTEM_FINGERPRINT,
    }


def usage_of(finished: Sequence[Finished], choices_per_prompt: int) -> dict[str, Any]:
    """A prompt counts once, however many choices were asked for. Cached are those of its tokens that no choice had to compute."""
    prompts = [finished[start : start + choices_per_prompt] for start in range(0, len(finished), choices_per_prompt)]
    num_prompt = sum(max(one.stats.num_prompt_tokens for one in prompt) for prompt in prompts)
    num_completion = sum(one.stats.num_completion_tokens for one in finished)
    return {
        "prompt_tokens": num_prompt,
        "completion_tokens": num_completion,
        "total_tokens": num_prompt + num_completion,
        "prompt_tokens_details": {"cached_tokens": sum(min(one.stats.num_cached_tokens for one in prompt) for prompt in prompts)},
    }


def hearth_field(finished: Sequence[Finished]) -> dict[str, Any]:
    """Says that a conversation lost its oldest messages to fit, or that the context is smaller than asked for; not there where
    all is as it was wanted."""
    told = max(finished, key=lambda one: one.stats.num_dropped_tokens)
    stats, context = told.stats, context_field(told)
    if not stats.num_dropped_tokens and not context:
        return {}
    return {"hearth": {"dropped_tokens": stats.num_dropped_tokens, "cached_tokens": stats.num_cached_tokens, **context}}


def finish_reason_of(finished: Finished) -> str:
    """OpenAI has no word for an answer that was ended because it repeated itself."""
    return "stop" if finished.finish_reason in ("stop", "load") else "length"
