"""Opening the store of states for one runner, and filling it when the runner ends."""

import json
import time
from pathlib import Path

import msgspec

from inference.runner.config import RunnerConfig
from inference.runner.connection import Inbox
from inference.runner.engine.engine import Engine
from inference.runner.kv_folder import KVFolder
from inference.runner.kv_worker import KVWorker
from inference.runner.llama.backend import build_name
from inference.runner.llama.model_runner import LlamaModelRunner

#: How a model is run without its states being others for it. Whatever is not named here makes them others.
_WITHOUT_INFLUENCE = {
    "model_path", "socket_path", "num_ctx", "num_batch", "num_threads", "num_threads_batch", "main_gpu", "num_gpu_layers",
    "uses_all_gpus", "use_mmap", "use_mlock", "max_gap_ms", "kv_dir", "kv_cache_max_bytes",
    # States with images are not kept.
    "projector_path",
}  # fmt: skip


def open_store(config: RunnerConfig, model_runner: LlamaModelRunner, inbox: Inbox) -> KVWorker | None:
    """None when states are not to be kept."""
    if not config.kv_dir or not config.model_digest or config.kv_cache_max_bytes <= 0:
        return None
    folder = KVFolder(Path(config.kv_dir), key=store_key(config, model_runner.num_ctx), max_bytes=config.kv_cache_max_bytes)
    store = KVWorker(folder, inbox.put, whole_only=not model_runner.can_cut_saved)
    store.start()
    return store


def store_key(config: RunnerConfig, num_ctx: int) -> str:
    """All that a state depends on. (llama.cpp writes the number of slots into it and takes it with no other.)"""
    fields = {name: value for name, value in msgspec.to_builtins(config).items() if name not in _WITHOUT_INFLUENCE}
    return json.dumps([build_name(), num_ctx, fields], sort_keys=True)


def save_states(engine: Engine, store: KVWorker, seconds: float) -> None:
    """The states that were used last come first; what is not done in time is lost."""
    deadline = time.monotonic() + seconds
    for _ in engine.prefix_cache.save_all():
        if not store.drain(deadline - time.monotonic()):
            return
    store.drain(deadline - time.monotonic())
