"""The part of a model that turns images into what its text part reads: llama.cpp's mtmd. Loaded only for models that have one."""

import ctypes
import os
from pathlib import Path
from typing import Any

from llama_cpp import llama_cpp, mtmd_cpp

from inference.errors import InvalidRequest, ModelLoadFailed
from inference.library.errors import LibraryError
from inference.library.gguf import read_metadata
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import DecodeFailed
from inference.runner.llama import backend
from inference.runner.llama.model import LlamaModel
from inference.runner.threads import usable_cores

#: mtmd hands what it cannot read to ffmpeg, as a video. A folder that cannot exist keeps strangers' files away from that.
_NO_FFMPEG = os.fsencode(os.devnull)


class ImageChunk:
    """An image, or a part of one, made ready for the encoder."""

    def __init__(self, handle: Any) -> None:
        """Takes over an `mtmd_input_chunk`."""
        self.handle = handle
        self.num_tokens = int(mtmd_cpp.mtmd_input_chunk_get_n_tokens(handle))
        self.num_positions = int(mtmd_cpp.mtmd_input_chunk_get_n_pos(handle))

    def __del__(self) -> None:
        mtmd_cpp.mtmd_input_chunk_free(self.handle)


class Projector:
    """Close it once, before its model. `read` may be called while another thread decodes."""

    def __init__(self, model: LlamaModel, config: RunnerConfig, *, num_batch: int) -> None:
        """Raises `ModelLoadFailed` with the cause."""
        path = Path(config.projector_path)
        _check_file(path)
        params = mtmd_cpp.mtmd_context_params_default()
        params.use_gpu = config.num_gpu_layers != 0
        params.n_threads = config.num_threads_batch or config.num_threads or usable_cores()
        params.print_timings = False
        mtmd_cpp.mtmd_helper_log_set(backend.log_function(), None)
        backend.forget_errors()
        self._num_batch = num_batch
        self._handle = mtmd_cpp.mtmd_init_from_file(os.fsencode(path), model.handle, params)
        if not self._handle:
            raise ModelLoadFailed(_load_failure(path))
        if not mtmd_cpp.mtmd_support_vision(self._handle):
            self.close()
            raise ModelLoadFailed(f"{path.name} is no part of a model that sees images.")

    def read(self, content: bytes) -> list[list[int] | ImageChunk]:
        """What stands for an image in a prompt: tokens and parts of the image, in order. Raises `InvalidRequest` with a
        sentence that begins with "it"."""
        bitmap = self._decode_file(content)
        chunks = mtmd_cpp.mtmd_input_chunks_init()
        try:
            part = mtmd_cpp.mtmd_input_part(None, bitmap)
            parts = (ctypes.POINTER(mtmd_cpp.mtmd_input_part) * 1)(ctypes.pointer(part))
            code = mtmd_cpp.mtmd_tokenize_from_parts(self._handle, chunks, parts, 1, False)
            if code != 0:
                raise InvalidRequest("it cannot be prepared for this model")
            count = int(mtmd_cpp.mtmd_input_chunks_size(chunks))
            return [self._take(mtmd_cpp.mtmd_input_chunks_get(chunks, index)) for index in range(count)]
        finally:
            mtmd_cpp.mtmd_input_chunks_free(chunks)
            mtmd_cpp.mtmd_bitmap_free(bitmap)

    def decode(self, context: Any, chunk: ImageChunk, seq_id: int, position: int) -> None:
        """Encodes a chunk and puts it into the KV cache of `context`; gives no logits. Raises `DecodeFailed`."""
        if mtmd_cpp.mtmd_encode_chunk(self._handle, chunk.handle) != 0:
            raise DecodeFailed("the image could not be encoded")
        vectors = mtmd_cpp.mtmd_get_output_embd(self._handle)
        after = llama_cpp.llama_pos(0)
        code = mtmd_cpp.mtmd_helper_decode_image_chunk(
            self._handle, context, chunk.handle, vectors, position, seq_id, self._num_batch, ctypes.byref(after),
            mtmd_cpp.mtmd_helper_post_decode_callback(), None,
        )  # fmt: skip
        if code != 0 or after.value != position + chunk.num_positions:
            raise DecodeFailed(f"the image could not be read into the context (llama_decode returned {code})")

    def close(self) -> None:
        if self._handle:
            mtmd_cpp.mtmd_free(self._handle)
            self._handle = None

    def _decode_file(self, content: bytes) -> Any:
        options = mtmd_cpp.mtmd_helper_init_opt_default()
        options.video_params.ffmpeg_bin_dir = _NO_FFMPEG
        buffer = ctypes.cast(ctypes.c_char_p(content), ctypes.POINTER(ctypes.c_uint8))
        wrapper = mtmd_cpp.mtmd_helper_bitmap_init_from_buf_wrapper(self._handle, buffer, len(content), False, options)
        if not wrapper.bitmap:
            raise InvalidRequest("it is cut short or damaged")
        return wrapper.bitmap

    def _take(self, handle: Any) -> list[int] | ImageChunk:
        if mtmd_cpp.mtmd_input_chunk_get_type(handle) == mtmd_cpp.MTMD_INPUT_CHUNK_TYPE_TEXT:
            count = ctypes.c_size_t()
            tokens = mtmd_cpp.mtmd_input_chunk_get_tokens_text(handle, ctypes.byref(count))
            return list(tokens[: count.value])
        chunk = ImageChunk(mtmd_cpp.mtmd_input_chunk_copy(handle))
        if chunk.num_tokens > self._num_batch and mtmd_cpp.mtmd_decode_use_non_causal(self._handle, chunk.handle):
            # Its tokens see each other: all of them have to be in one batch, and llama.cpp ends the process if they are not.
            raise InvalidRequest(
                f"it takes {chunk.num_tokens} tokens, and this model was loaded with batches of {self._num_batch}"
            )
        return chunk


def _check_file(path: Path) -> None:
    """mtmd does not notice when a file ends before its tensors do."""
    if not path.is_file():
        raise ModelLoadFailed(f"There is no file at {path}, where the part of the model that sees images should be.")
    try:
        missing = read_metadata(path).missing_bytes
    except LibraryError as error:
        raise ModelLoadFailed(f"The part of the model that sees images, {path.name}, cannot be used: {error}.") from error
    if missing:
        raise ModelLoadFailed(f"The part of the model that sees images, {path.name}, is cut short by {missing} bytes.")


def _load_failure(path: Path) -> str:
    """mtmd logs the cause last, and a hint after it."""
    causes = [line.rsplit("error: ", 1)[-1].splitlines()[0] for line in backend.recent_errors()]
    cause = next((line for line in reversed(causes) if "hint:" not in line), "llama.cpp gave no reason")
    return f"The part of the model that sees images, {path.name}, could not be loaded: {cause.rstrip('.')}."
