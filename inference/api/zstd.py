"""Unfolds Zstandard (RFC 8878) with the C library that Debian, and so the container, always has."""

import ctypes
import functools

#: Of what a frame may ask to be kept of what it has unfolded: 8 MiB, which RFC 8878 asks every reader to have.
_WINDOW_LOG = 23
#: `ZSTD_d_windowLogMax` in zstd.h.
_WINDOW_LOG_MAX = 100
_CHUNK = 128 * 1024


class ZstdError(Exception):
    """The content is not Zstandard, is not whole, or asks for a window that is too large."""


class _Buffer(ctypes.Structure):
    """`ZSTD_inBuffer` and `ZSTD_outBuffer`, which look the same."""

    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))


def is_available() -> bool:
    return _library() is not None


def unfold(content: bytes, limit: int) -> bytes:
    """At most `limit` bytes of what the first frame of `content` unfolds to. Raises `ZstdError`."""
    library = _library()
    if library is None:
        raise ZstdError
    machine = library.ZSTD_createDCtx()
    if machine is None:
        raise MemoryError
    try:
        _check(library, library.ZSTD_DCtx_setParameter(machine, _WINDOW_LOG_MAX, _WINDOW_LOG))
        return _run(library, machine, content, limit)
    finally:
        library.ZSTD_freeDCtx(machine)


def _run(library: ctypes.CDLL, machine: int, content: bytes, limit: int) -> bytes:
    found, chunk = bytearray(), ctypes.create_string_buffer(_CHUNK)
    source = _Buffer(ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p), len(content), 0)
    while len(found) < limit:
        target = _Buffer(ctypes.cast(chunk, ctypes.c_void_p), min(_CHUNK, limit - len(found)), 0)
        expected = _check(library, library.ZSTD_decompressStream(machine, ctypes.byref(target), ctypes.byref(source)))
        found += ctypes.string_at(chunk, target.position)
        if not expected:
            break
        if source.position == source.size and target.position < target.size:
            raise ZstdError
    return bytes(found)


def _check(library: ctypes.CDLL, result: int) -> int:
    if library.ZSTD_isError(result):
        raise ZstdError
    return result


@functools.cache
def _library() -> ctypes.CDLL | None:
    """None on a machine that does not have it."""
    try:
        library = ctypes.CDLL("libzstd.so.1")
    except OSError:
        return None
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.ZSTD_createDCtx.restype = pointer
    library.ZSTD_freeDCtx.argtypes = (pointer,)
    library.ZSTD_DCtx_setParameter.argtypes = (pointer, ctypes.c_int, ctypes.c_int)
    library.ZSTD_decompressStream.argtypes = (pointer, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer))
    library.ZSTD_DCtx_setParameter.restype = library.ZSTD_decompressStream.restype = size
    library.ZSTD_isError.argtypes, library.ZSTD_isError.restype = (size,), ctypes.c_uint
    return library
