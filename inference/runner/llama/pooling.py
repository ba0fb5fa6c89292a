"""Vectors of whole inputs: a context of its own beside the one that generates, on the same weights."""

import ctypes
import math
import struct
from collections.abc import Sequence
from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.library.gguf import is_encoder
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk, DecodeFailed
from inference.runner.llama import backend
from inference.runner.llama.adapters import Adapters
from inference.runner.llama.context_options import set_options
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.token_batch import TokenBatch

#: llama.cpp has at most 256.
_MAX_SEQUENCES = 64
_SPLITTABLE = (llama_cpp.LLAMA_POOLING_TYPE_LAST, llama_cpp.LLAMA_POOLING_TYPE_RANK)
_GIVES_PROBABILITY = ("qwen3", "qwen3vl")


class LlamaPooling:
    """Implements `inference.runner.engine.embedder.PoolingModel`. The context is made for the first batch and made larger
    for the first input that needs it: a context for the longest possible input would take memory that few ever use.
    Close it once, before its model."""

    def __init__(self, model: LlamaModel, adapters: Adapters, config: RunnerConfig, *, num_ctx: int) -> None:
        self._model = model
        self._adapters = adapters
        self._config = config
        self._handle: Any = None
        self._capacity = 0
        self._pooling_type = model.pooling_type
        self._num_pooled = model.num_pooled
        #: Tokens of the longest input.
        self.num_ctx = num_ctx
        self.num_batch = min(config.num_batch, num_ctx)
        self.num_sequences = min(_MAX_SEQUENCES, self.num_batch)

    def open(self, capacity: int) -> None:
        """Makes the context for inputs of up to `capacity` tokens. Raises `ModelLoadFailed`, most often for want of memory;
        the context that was there before then stays."""
        capacity = min(self.num_ctx, max(self.num_batch, 1 << (capacity - 1).bit_length()))
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = capacity
        if self._is_splittable:
            params.n_batch = params.n_ubatch = self.num_batch
        params.n_seq_max = self.num_sequences
        set_options(params, self._config)
        params.embeddings = True
        params.pooling_type = self._pooling_type
        # Sequences of any length share the cells; a cache divided by 64 would hold short inputs only.
        params.kv_unified = True
        params.no_perf = True
        backend.forget_errors()
        handle = llama_cpp.llama_init_from_model(self._model.handle, params)
        if not handle:
            cause = "; ".join(backend.recent_errors()[:1]) or "llama.cpp gave no reason"
            raise ModelLoadFailed(f"A context for inputs of {capacity} tokens could not be made: {cause}.")
        self._adapters.give_to(handle)
        self.close()
        self._handle, self._capacity = handle, capacity
        self._memory = llama_cpp.llama_get_memory(handle)
        self._chunk_size = int(llama_cpp.llama_n_ubatch(handle))
        self._batch = TokenBatch(self._chunk_size)

    def embed(self, inputs: Sequence[list[int]]) -> list[bytes]:
        """Raises `DecodeFailed`."""
        longest = max(max(map(len, inputs)), min(sum(map(len, inputs)), self.num_batch))
        if self._handle is None or longest > self._capacity:
            try:
                self.open(longest)
            except ModelLoadFailed as error:
                raise DecodeFailed(str(error).rstrip(".")) from error
        try:
            if len(inputs) == 1:
                self._decode_in_chunks(inputs[0])
            else:
                self._decode([Chunk(seq_id, 0, tokens, True) for seq_id, tokens in enumerate(inputs)])
            return [self._vector(seq_id) for seq_id in range(len(inputs))]
        finally:
            if self._memory:
                llama_cpp.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        if self._handle:
            llama_cpp.llama_free(self._handle)
            self._handle = None

    @property
    def _is_splittable(self) -> bool:
        """The vector is that of the last token, and what came before it is in the KV cache: see `can_split` in llama.cpp's
        server. Any other pooling wants all tokens of an input in one batch."""
        return self._pooling_type in _SPLITTABLE and self._model.is_causal and not is_encoder(self._model.architecture)

    def _decode_in_chunks(self, tokens: list[int]) -> None:
        for start in range(0, len(tokens), self._chunk_size):
            self._decode([Chunk(0, start, tokens[start : start + self._chunk_size], True)])

    def _decode(self, chunks: list[Chunk]) -> None:
        # With pooling every row is an output; llama.cpp warns on every call where one is not marked.
        code = llama_cpp.llama_decode(self._handle, self._batch.fill(chunks, wants_every_row=True))
        if code != 0:
            raise DecodeFailed(f"llama_decode returned {code}")

    def _vector(self, seq_id: int) -> bytes:
        pointer = llama_cpp.llama_get_embeddings_seq(self._handle, seq_id)
        if not pointer:
            raise DecodeFailed("llama.cpp gave no vector")
        if self._pooling_type == llama_cpp.LLAMA_POOLING_TYPE_RANK:
            return struct.pack("<f", self._score(pointer[0]))
        return ctypes.string_at(pointer, self._num_pooled * ctypes.sizeof(ctypes.c_float))

    def _score(self, value: float) -> float:
        """The head of most models gives a logit; that of the Qwen3 family ends in a softmax in llama.cpp."""
        if self._model.architecture in _GIVES_PROBABILITY or math.isnan(value):
            return value
        return 1 / (1 + math.exp(-max(-80.0, min(80.0, value))))
