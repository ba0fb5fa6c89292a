"""A model file in memory."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner.llama import backend
from inference.runner.llama.vocabulary import Vocabulary

_GGUF_MAGIC = b"GGUF"
_ALL_LAYERS = -1


class LlamaModel:
    """Weights, vocabulary and metadata of one GGUF. Close it once, after every context made from it."""

    def __init__(
        self,
        path: Path,
        *,
        num_gpu_layers: int = _ALL_LAYERS,
        use_mmap: bool = True,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        """`on_progress` hears fractions from 0.0 to 1.0. Raises `ModelLoadFailed` with the cause in one sentence."""
        _check_file(path)
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = num_gpu_layers
        params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if use_mmap else llama_cpp.LLAMA_LOAD_MODE_NONE

        def report(fraction: float, _user_data: object) -> bool:
            if on_progress is not None:
                on_progress(fraction)
            return True

        # Referenced until the load has returned: ctypes does not keep a callback alive by itself.
        callback = llama_cpp.llama_progress_callback(report)
        params.progress_callback = callback
        backend.forget_errors()
        self._handle = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        del callback
        if not self._handle:
            raise ModelLoadFailed(_load_failure(path))
        self._check_generates_text(path)
        self.vocabulary = Vocabulary(self._handle)

    @property
    def handle(self) -> object:
        assert self._handle, "the model is closed"
        return self._handle

    @property
    def num_bytes(self) -> int:
        return int(llama_cpp.llama_model_size(self.handle))

    @property
    def num_ctx_train(self) -> int:
        return int(llama_cpp.llama_model_n_ctx_train(self.handle))

    @property
    def chat_template(self) -> str | None:
        """Jinja source, as the model's makers wrote it into the file."""
        source = llama_cpp.llama_model_chat_template(self.handle, None)
        return source.decode("utf-8", "replace") if source else None

    def metadata(self, key: str) -> str | None:
        """A value of the file's metadata as text; None when the file has no such key. Arrays are not given."""
        name = key.encode()
        size = llama_cpp.llama_model_meta_val_str(self.handle, name, None, 0)
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        llama_cpp.llama_model_meta_val_str(self.handle, name, ctypes.cast(buffer, ctypes.c_char_p), size + 1)
        return buffer.value.decode("utf-8", "replace")

    def close(self) -> None:
        if self._handle:
            llama_cpp.llama_model_free(self._handle)
            self._handle = None

    def _check_generates_text(self, path: Path) -> None:
        if llama_cpp.llama_model_has_decoder(self._handle) and not llama_cpp.llama_model_has_encoder(self._handle):
            return
        self.close()
        raise ModelLoadFailed(f"{path.name} is not a model that writes text: its kind cannot be used for chat.")


def _check_file(path: Path) -> None:
    """What can be said more clearly than llama.cpp says it."""
    try:
        if not path.is_file():
            raise ModelLoadFailed(f"There is no model file at {path}.")
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise ModelLoadFailed(f"The model file {path.name} cannot be read: {error.strerror}.") from error
    if magic != _GGUF_MAGIC:
        raise ModelLoadFailed(f"{path.name} is not a GGUF model file: it does not begin with the bytes GGUF.")


def _load_failure(path: Path) -> str:
    """llama.cpp logs the cause first and then, going up, that loading failed because of it."""
    prefix = "error loading model: "
    causes = [line.split(prefix, 1)[-1] for line in backend.recent_errors()]
    cause = next((line for line in causes if "failed to load model" not in line), "llama.cpp gave no reason")
    return f"{path.name} could not be loaded: {cause.rstrip('.')}."
