"""A model that gives vectors and writes no text."""

import time
from collections.abc import Callable
from pathlib import Path

from inference.library.errors import LibraryError
from inference.library.gguf import read_metadata
from inference.runner.config import RunnerConfig
from inference.runner.llama import backend
from inference.runner.llama.adapters import Adapters
from inference.runner.llama.devices import device_names
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.pooling import LlamaPooling
from inference.runner.messages import RunnerReady

#: Requests taken at the same time: their inputs share batches, and none of them holds memory while it waits.
_NUM_PLACES = 64


class LlamaEmbeddingRunner:
    """Close it once."""

    def __init__(self, config: RunnerConfig, *, on_progress: Callable[[float], None] | None = None) -> None:
        """Raises `ModelLoadFailed` with the cause in one sentence."""
        started_ns = time.monotonic_ns()
        backend.start_backend()
        self.model = LlamaModel(
            Path(config.model_path),
            num_gpu_layers=config.num_gpu_layers,
            main_gpu=config.main_gpu,
            uses_all_gpus=config.uses_all_gpus,
            use_mmap=config.use_mmap,
            use_mlock=config.use_mlock,
            is_embedding=True,
            on_progress=on_progress,
        )
        self.vocabulary = self.model.vocabulary
        self.num_ctx = min(config.num_ctx, self.model.num_ctx_train or config.num_ctx)
        try:
            self.adapters = Adapters(self.model.handle, config.adapters)
            self._check(config)
        except BaseException:
            self.model.close()
            raise
        self._load_duration_ns = time.monotonic_ns() - started_ns

    def describe(self) -> RunnerReady:
        return RunnerReady(
            num_ctx=self.num_ctx,
            num_slots=_NUM_PLACES,
            num_ctx_train=self.model.num_ctx_train,
            model_bytes=self.model.num_bytes,
            load_duration_ns=self._load_duration_ns,
            has_chat_template=False,
            device_bytes=backend.buffers.of(device_names()),
        )

    def close(self) -> None:
        self.model.close()
        backend.stop_backend()

    def _check(self, config: RunnerConfig) -> None:
        """What cannot be computed at all is to be told now, not to the first request. Raises `ModelLoadFailed`."""
        pooling = LlamaPooling(self.model, self.adapters, config, num_ctx=self.num_ctx)
        try:
            pooling.open(1)
        finally:
            pooling.close()


def is_embedding_model(path: Path) -> bool:
    """A file that cannot be read is not one: why it cannot be read is found out when it is loaded."""
    try:
        return read_metadata(path).is_embedding
    except LibraryError:
        return False
