"""A model file in memory."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner.llama import backend
from inference.runner.llama.vocabulary import Vocabulary

_GGUF_MAGIC = b"GGUF"
_ALL_LAYERS = -1
#: llama.cpp wants a list that ends with a null. Even to look at a GPU takes memory of it.
_NO_DEVICES = (ctypes.c_void_p * 1)()
#: By whether the file is mapped, and whether its pages are kept in memory.
_LOAD_MODES = {
    (False, False): llama_cpp.LLAMA_LOAD_MODE_NONE,
    (True, False): llama_cpp.LLAMA_LOAD_MODE_MMAP,
    (False, True): llama_cpp.LLAMA_LOAD_MODE_MLOCK,
    (True, True): llama_cpp.LLAMA_LOAD_MODE_MMAP_MLOCK,
}
#: Mean, CLS, last and rank, as `metadata` gives them.
_POOLING_TYPES = ("1", "2", "3", "4")


class LlamaModel:
    """Weights, vocabulary and metadata of one GGUF, or of all parts of one that is split, given its first. Close it once,
    after every context made from it."""

    def __init__(
        self,
        path: Path,
        *,
        num_gpu_layers: int = _ALL_LAYERS,
        main_gpu: int = 0,
        uses_all_gpus: bool = True,
        use_mmap: bool = True,
        use_mlock: bool = False,
        is_embedding: bool = False,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        """With `is_embedding`, the model need not write text. `on_progress` hears fractions from 0.0 to 1.0. Raises
        `ModelLoadFailed` with the cause in one sentence."""
        _check_file(path)
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = num_gpu_layers
        params.main_gpu = main_gpu
        if not uses_all_gpus:
            params.split_mode = llama_cpp.LLAMA_SPLIT_MODE_NONE
        if not num_gpu_layers:
            # Otherwise llama.cpp lets a GPU compute long prompts all the same, and takes memory of it for that.
            params.devices = ctypes.addressof(_NO_DEVICES)
        params.load_mode = _LOAD_MODES[use_mmap, use_mlock]
        self._handle = _load(path, params, on_progress)
        if not self._handle:
            raise ModelLoadFailed(_load_failure(path))
        if not is_embedding:
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
    def is_recurrent(self) -> bool:
        """Whether some of its layers keep a running state instead of one for each token: such a state cannot be cut."""
        return bool(llama_cpp.llama_model_is_recurrent(self.handle) or llama_cpp.llama_model_is_hybrid(self.handle))

    @property
    def chat_template(self) -> str | None:
        """Jinja source, as the model's makers wrote it into the file."""
        source = llama_cpp.llama_model_chat_template(self.handle, None)
        return source.decode("utf-8", "replace") if source else None

    @property
    def rerank_template(self) -> str | None:
        """How a query and a document are put to the model, with `{query}` and `{document}` in it."""
        source = llama_cpp.llama_model_chat_template(self.handle, b"rerank")
        return source.decode("utf-8", "replace") if source else None

    @property
    def pooling_type(self) -> int:
        """LLAMA_POOLING_TYPE_*: the model's own, or the mean over tokens where it names none that is known."""
        value = self.metadata(f"{self.architecture}.pooling_type") or ""
        return int(value) if value in _POOLING_TYPES else int(llama_cpp.LLAMA_POOLING_TYPE_MEAN)

    @property
    def is_reranker(self) -> bool:
        return self.pooling_type == int(llama_cpp.LLAMA_POOLING_TYPE_RANK)

    @property
    def is_causal(self) -> bool:
        """Tokens attend to those before them only."""
        return self.metadata(f"{self.architecture}.attention.causal") != "false"

    @property
    def architecture(self) -> str:
        return self.metadata("general.architecture") or ""

    @property
    def num_pooled(self) -> int:
        """Numbers in the vector of an input."""
        if self.is_reranker:
            return int(llama_cpp.llama_model_n_cls_out(self.handle))
        return int(llama_cpp.llama_model_n_embd_out(self.handle))

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


def _load(path: Path, params: Any, on_progress: Callable[[float], None] | None) -> Any:
    def report(fraction: float, _user_data: object) -> bool:
        if on_progress is not None:
            on_progress(fraction)
        return True

    # Referenced until the load has returned: ctypes does not keep a callback alive by itself.
    callback = llama_cpp.llama_progress_callback(report)
    params.progress_callback = callback
    backend.forget_errors()
    return llama_cpp.llama_model_load_from_file(os.fsencode(path), params)


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
