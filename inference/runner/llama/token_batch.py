"""The arrays of one llama_batch, made once and filled anew for each call."""

import ctypes
from collections.abc import Sequence

from llama_cpp import llama_cpp

from inference.runner.engine.batch import Chunk


class TokenBatch:
    """Rows of tokens, each of one sequence. The arrays are Python's own and need no llama_batch_free."""

    def __init__(self, capacity: int) -> None:
        self._tokens = (llama_cpp.llama_token * capacity)()
        self._positions = (llama_cpp.llama_pos * capacity)()
        self._seq_ids = (llama_cpp.llama_seq_id * capacity)()
        self._wants_logits = (ctypes.c_int8 * capacity)()
        self._num_seq_ids = (ctypes.c_int32 * capacity)(*[1] * capacity)
        pointer = ctypes.POINTER(llama_cpp.llama_seq_id)
        size, base = ctypes.sizeof(llama_cpp.llama_seq_id), ctypes.addressof(self._seq_ids)
        self._seq_id_pointers = (pointer * capacity)(*(ctypes.cast(base + i * size, pointer) for i in range(capacity)))
        self._batch = llama_cpp.llama_batch(
            n_tokens=0,
            token=ctypes.cast(self._tokens, ctypes.POINTER(llama_cpp.llama_token)),
            embd=None,
            pos=ctypes.cast(self._positions, ctypes.POINTER(llama_cpp.llama_pos)),
            n_seq_id=ctypes.cast(self._num_seq_ids, ctypes.POINTER(ctypes.c_int32)),
            seq_id=ctypes.cast(self._seq_id_pointers, ctypes.POINTER(pointer)),
            logits=ctypes.cast(self._wants_logits, ctypes.POINTER(ctypes.c_int8)),
        )

    def fill(self, chunks: Sequence[Chunk], *, wants_every_row: bool = False) -> object:
        """The llama_batch of these chunks, valid until the next call."""
        row = 0
        for chunk in chunks:
            row = self._fill(row, chunk)
        if wants_every_row:
            self._wants_logits[:row] = [1] * row
        self._batch.n_tokens = row
        return self._batch

    def _fill(self, row: int, chunk: Chunk) -> int:
        """Writes a chunk at `row`; returns the row after it."""
        count = len(chunk.tokens)
        end = row + count
        self._tokens[row:end] = chunk.tokens
        self._positions[row:end] = range(chunk.position, chunk.position + count)
        self._seq_ids[row:end] = [chunk.seq_id] * count
        self._wants_logits[row:end] = [0] * count
        self._wants_logits[end - 1] = chunk.wants_logits
        return end
