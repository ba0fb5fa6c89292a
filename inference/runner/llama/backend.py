"""Starting llama.cpp in this process: its back ends and its log."""

import ctypes
import logging
import re
from collections import deque
from pathlib import Path

from llama_cpp import __version__ as llama_cpp_version
from llama_cpp import llama_cpp

from inference.runner.llama.buffers import Buffers

logger = logging.getLogger("llama.cpp")

#: GGML_LOG_LEVEL_* of ggml.h (the binding's own table is out of date); 5 continues the line before it.
_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}
_CONTINUATION = 5

_recent_errors: deque[str] = deque(maxlen=20)
_last_level = logging.INFO
#: Of everything this process has loaded.
buffers = Buffers()
#: How llama.cpp's back ends begin to say that memory could not be had.
_LACKS_MEMORY = re.compile(r"out of (?:device )?memory|(?:failed|unable) to (?:re)?allocate", re.IGNORECASE)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes function type
def _on_log(level: int, text: bytes, _user_data: object) -> None:
    """May be called from any thread of llama.cpp, so it only hands the line on. Dots of progress are dropped."""
    global _last_level
    line = text.decode("utf-8", "replace").strip()
    if level != _CONTINUATION:
        _last_level = _LEVELS.get(level, logging.DEBUG)
    if not line.strip("."):
        return
    if _last_level >= logging.ERROR:
        _recent_errors.append(line)
    if " buffer size" in line:
        buffers.note(line)
    # What llama.cpp calls information is hundreds of lines a load.
    logger.log(logging.DEBUG if _last_level == logging.INFO else _last_level, "%s", line)


def log_function() -> object:
    """What a library beside llama.cpp is to log by."""
    return _on_log


def start_backend() -> None:
    """Call once, before any other use of llama.cpp in this process."""
    llama_cpp.llama_log_set(_on_log, ctypes.c_void_p(None))
    _load_dynamic_backends()
    llama_cpp.llama_backend_init()


def build_name() -> str:
    """Which llama.cpp this is: its states and its files' finer points are its own."""
    try:
        commit = llama_cpp._lib.ggml_commit
    except AttributeError:
        return str(llama_cpp_version)
    commit.restype = ctypes.c_char_p
    return f"{llama_cpp_version} {commit().decode()}"


def stop_backend() -> None:
    llama_cpp.llama_backend_free()


def forget_errors() -> None:
    _recent_errors.clear()


def recent_errors() -> list[str]:
    """Lines that llama.cpp logged as errors since `forget_errors`, oldest first, at most 20."""
    return list(_recent_errors)


def lacks_memory(text: str = "") -> bool:
    """Whether memory that could not be had is among the errors since `forget_errors`, or in the text."""
    return any(_LACKS_MEMORY.search(line) for line in (text, *_recent_errors))


def _load_dynamic_backends() -> None:
    """A llama.cpp built with GGML_BACKEND_DL (one image for every CPU) has no back end until it is told to look for them."""
    library = llama_cpp._lib
    try:
        num_backends, load_all = library.ggml_backend_reg_count, library.ggml_backend_load_all_from_path
    except AttributeError:
        return
    num_backends.restype = ctypes.c_size_t
    if num_backends() > 0:
        return
    load_all.argtypes, load_all.restype = [ctypes.c_char_p], None
    load_all(str(Path(llama_cpp.__file__).parent / "lib").encode())
