"""LoRA adapters: small files of differences that are added to a model's weights while it computes."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner.config import LoraAdapter
from inference.runner.llama import backend


class Adapters:
    """Loaded after their model, freed with it. A context uses them once they are given to it."""

    def __init__(self, model: object, adapters: Sequence[LoraAdapter]) -> None:
        """Raises `ModelLoadFailed` with the cause in one sentence."""
        self._scales = [adapter.scale for adapter in adapters]
        # llama.cpp frees them together with the model.
        self._handles = [_load(model, Path(adapter.path)) for adapter in adapters]

    def give_to(self, context: object) -> None:
        """Raises `ModelLoadFailed`."""
        if not self._handles:
            return
        handles = (llama_cpp.llama_adapter_lora_p_ctypes * len(self._handles))(*self._handles)
        scales = (ctypes.c_float * len(self._scales))(*self._scales)
        if llama_cpp.llama_set_adapters_lora(context, handles, len(self._handles), scales) != 0:
            raise ModelLoadFailed("The adapters could not be applied to this model.")


def _load(model: object, path: Path) -> Any:
    if not path.is_file():
        raise ModelLoadFailed(f"There is no adapter file at {path}.")
    backend.forget_errors()
    handle = llama_cpp.llama_adapter_lora_init(model, os.fsencode(path))
    if not handle:
        errors = backend.recent_errors()
        cause = errors[0].rsplit(": ", 1)[-1].rstrip(".") if errors else "llama.cpp gave no reason"
        raise ModelLoadFailed(f"The adapter {path.name} could not be loaded: {cause}.")
    return handle
