"""`python -m inference.runner.llama.perplexity`: how well a model foretells texts, without anything being drawn.

Reads `{"model_path", "texts"}` as JSON from standard input. Prints JSON lines: `{"completed", "total"}` in tokens, and at
the end `{"perplexity", "tokens"}` or `{"error": sentence}`. Each text is read in windows of 512 tokens; as in llama.cpp's
own tool, the second half of a window is foretold, so that every token has at least 256 before it.
"""

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner import lifetime
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk, DecodeFailed
from inference.runner.llama import backend
from inference.runner.llama.candidates import logits_of, logprob_of
from inference.runner.llama.context_options import set_options
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.token_batch import TokenBatch

_WINDOW = 512
#: Rows of one batch: their logits are all kept, and a vocabulary may have 250,000 entries.
_ROWS = 64


class _Context:
    """One sequence whose every row has logits."""

    def __init__(self, model: LlamaModel, num_ctx: int) -> None:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = num_ctx
        params.n_batch = params.n_ubatch = _ROWS
        set_options(params, RunnerConfig(model_path="", socket_path=""))
        self._handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise ModelLoadFailed("a context could not be made, most often for want of memory")
        self._batch = TokenBatch(_ROWS)
        self._num_vocab = model.vocabulary.num_tokens

    def forget(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._handle), True)

    def logprobs(self, tokens: list[int], position: int, foretold: list[int]) -> Iterator[float]:
        """Of each of the `foretold` tokens, after the row of `tokens` that stands at its place. Raises `DecodeFailed`."""
        batch = self._batch.fill([Chunk(0, position, tokens, True)], wants_every_row=bool(foretold))
        if code := llama_cpp.llama_decode(self._handle, batch):
            raise DecodeFailed(f"llama_decode returned {code}")
        for row, token in enumerate(foretold):
            yield logprob_of(logits_of(self._handle, row, self._num_vocab), token, 0)[0]

    def close(self) -> None:
        llama_cpp.llama_free(self._handle)


def main() -> None:
    parent_pid = os.getppid()
    request = json.load(sys.stdin)
    lifetime.die_with_parent(parent_pid)
    backend.start_backend()
    try:
        _say(_measure(Path(request["model_path"]), request["texts"]))
    except (ModelLoadFailed, DecodeFailed) as error:
        _say({"error": str(error).rstrip(".")})


def _measure(path: Path, texts: list[str]) -> dict[str, Any]:
    """Raises `ModelLoadFailed` or `DecodeFailed`."""
    model = LlamaModel(path)
    window = min(_WINDOW, model.num_ctx_train or _WINDOW)
    context = _Context(model, window)
    try:
        windows = [part for text in texts for part in _windows(model.vocabulary.tokenize(text, parse_special=False), window)]
        beginning = [model.vocabulary.bos_token] if model.vocabulary.adds_bos else []
        completed, logprobs = 0, []
        for part in windows:
            logprobs += _window_logprobs(context, [*beginning, *part])
            completed += len(part)
            _say({"completed": completed, "total": sum(map(len, windows))})
    finally:
        context.close()
        model.close()
    if not logprobs:
        raise DecodeFailed("the texts are too short for this model")
    return {"perplexity": math.exp(-sum(logprobs) / len(logprobs)), "tokens": len(logprobs)}


def _windows(tokens: list[int], window: int) -> list[list[int]]:
    """Whole ones, one token shorter than the context: a beginning may be put before each."""
    step = window - 1
    return [tokens[start : start + step] for start in range(0, len(tokens) - step + 1, step)]


def _window_logprobs(context: _Context, tokens: list[int]) -> list[float]:
    context.forget()
    half = len(tokens) // 2
    found: list[float] = []
    for start in range(0, len(tokens), _ROWS):
        rows = tokens[start : start + _ROWS]
        following = tokens[start + 1 : start + 1 + len(rows)]
        logprobs = list(context.logprobs(rows, start, following))
        found += [logprob for row, logprob in enumerate(logprobs) if start + row + 1 >= half]
    return found


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
