"""The GPUs that llama.cpp was built for and finds."""

import ctypes
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama import backend

#: enum ggml_backend_dev_type of ggml-backend.h.
_GPU_TYPES = (1, 2)


def list_devices() -> list[dict[str, Any]]:
    """Name, free and total bytes of each, in the order in which llama.cpp numbers them."""
    backend.start_backend()
    library = llama_cpp._lib
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.argtypes, library.ggml_backend_dev_get.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.ggml_backend_dev_name.argtypes, library.ggml_backend_dev_name.restype = [ctypes.c_void_p], ctypes.c_char_p
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    size = ctypes.POINTER(ctypes.c_size_t)
    library.ggml_backend_dev_memory.argtypes, library.ggml_backend_dev_memory.restype = [ctypes.c_void_p, size, size], None
    handles = [library.ggml_backend_dev_get(index) for index in range(library.ggml_backend_dev_count())]
    return [_describe(library, handle) for handle in handles if library.ggml_backend_dev_type(handle) in _GPU_TYPES]


def _describe(library: Any, handle: int) -> dict[str, Any]:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    name = library.ggml_backend_dev_name(handle).decode("utf-8", "replace")
    return {"name": name, "free": free.value, "total": total.value}
