"""What the engine asks of a model, answered by llama.cpp."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llama_cpp import llama_cpp

from inference.runner.llama import backend
from inference.runner.llama.context import LlamaContext
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.sampler import SamplerChain
from inference.runner.messages import RunnerConfig, RunnerReady, SamplingParams
from inference.runner.threads import usable_cores


class LlamaModelRunner:
    """Implements `inference.runner.engine.model_runner.ModelRunner`. Close it once."""

    def __init__(self, config: RunnerConfig, *, on_progress: Callable[[float], None] | None = None) -> None:
        """Raises `ModelLoadFailed` with the cause in one sentence."""
        started_ns = time.monotonic_ns()
        backend.start_backend()
        self.model = LlamaModel(
            Path(config.model_path), num_gpu_layers=config.num_gpu_layers, use_mmap=config.use_mmap, on_progress=on_progress
        )
        num_ctx = min(config.num_ctx, self.model.num_ctx_train or config.num_ctx)
        try:
            self._context = LlamaContext(
                self.model,
                num_ctx=num_ctx,
                num_slots=config.num_slots,
                num_batch=config.num_batch,
                num_threads=config.num_threads or usable_cores(),
            )
        except BaseException:
            self.model.close()
            raise
        self.vocabulary = self.model.vocabulary
        self.num_slots = config.num_slots
        self.num_ctx = self._context.num_ctx
        self.num_batch = self._context.num_batch
        self.decode = self._context.decode
        self.trim = self._context.trim
        self.piece = self.vocabulary.piece
        self._load_duration_ns = time.monotonic_ns() - started_ns

    def is_end(self, token: int) -> bool:
        return token in self.vocabulary.end_tokens

    def new_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> SamplerChain:
        return SamplerChain(params, self.vocabulary, num_ctx=self.num_ctx, prompt_tokens=prompt_tokens)

    def sample(self, sampler: SamplerChain, row: int) -> int:
        """Draws a token from the logits of a row of the last batch."""
        return int(llama_cpp.llama_sampler_sample(sampler.handle, self._context.handle, row))

    def describe(self) -> RunnerReady:
        return RunnerReady(
            num_ctx=self.num_ctx,
            num_slots=self.num_slots,
            num_ctx_train=self.model.num_ctx_train,
            model_bytes=self.model.num_bytes,
            load_duration_ns=self._load_duration_ns,
            has_chat_template=self.model.chat_template is not None,
        )

    def close(self) -> None:
        self._context.close()
        self.model.close()
        backend.stop_backend()
