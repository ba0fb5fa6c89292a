"""The GPUs that llama.cpp was built for and finds."""

import ctypes
from typing import Any

from llama_cpp import llama_cpp

from inference.runner.llama import backend

#: enum ggml_backend_dev_type of ggml-backend.h: cards with memory of their own, and those that use the host's.
_GPU, _INTEGRATED_GPU = 1, 2


class _Properties(ctypes.Structure):
    """ggml_backend_dev_props of ggml-backend.h, as far as it is read here."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        # What it can do: some flags, and room for those that may be added.
        ("capabilities", ctypes.c_uint8 * 64),
    ]


def list_devices() -> list[dict[str, Any]]:
    """Name, the maker's name for it, place on the PCI bus, free and total bytes of each, in the order in which llama.cpp numbers
    them. What this process itself takes of a GPU, as any that computes on it will, is not counted as free."""
    backend.start_backend()
    library = _library()
    return [_describe(library, handle) for handle in _handles(library)]


def device_names() -> list[str]:
    """As llama.cpp calls them in its log; nothing is taken of any for that."""
    library = _library()
    return [_text(library.ggml_backend_dev_name(handle)) for handle in _handles(library)]


def used_gpus(devices: list[tuple[int, int]]) -> list[int]:
    """Of handles and their types, those that llama.cpp gives a model: integrated ones only where there is no other
    (`llama_prepare_model_devices`)."""
    cards = [handle for handle, kind in devices if kind == _GPU]
    return cards or [handle for handle, kind in devices if kind == _INTEGRATED_GPU]


def _library() -> Any:
    library = llama_cpp._lib
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.argtypes, library.ggml_backend_dev_get.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.ggml_backend_dev_name.argtypes, library.ggml_backend_dev_name.restype = [ctypes.c_void_p], ctypes.c_char_p
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_get_props.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Properties)]
    library.ggml_backend_dev_get_props.restype = None
    return library


def _handles(library: Any) -> list[int]:
    handles = [library.ggml_backend_dev_get(index) for index in range(library.ggml_backend_dev_count())]
    return used_gpus([(handle, library.ggml_backend_dev_type(handle)) for handle in handles])


def _describe(library: Any, handle: int) -> dict[str, Any]:
    found = _Properties()
    library.ggml_backend_dev_get_props(handle, ctypes.byref(found))
    return {
        "name": _text(found.name),
        "description": _text(found.description),
        "bus_id": _text(found.device_id),
        "free": found.memory_free,
        "total": found.memory_total,
    }


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
