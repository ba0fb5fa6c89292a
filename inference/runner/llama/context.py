"""The KV cache of a model and the one call that fills it. Used by the decode thread alone."""

from collections.abc import Sequence
from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk, DecodeFailed
from inference.runner.llama import backend
from inference.runner.llama.context_options import set_options
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.sequence_state import SequenceStates
from inference.runner.llama.token_batch import TokenBatch

_NO_KV_SLOT = 1


class LlamaContext:
    """`num_slots` independent sequences of `num_ctx` tokens each. Close it once, before its model."""

    def __init__(self, model: LlamaModel, config: RunnerConfig, *, num_ctx: int) -> None:
        """Raises `ModelLoadFailed`, most often for want of memory."""
        num_slots = config.num_slots
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = num_ctx * num_slots
        params.n_seq_max = num_slots
        params.n_batch = params.n_ubatch = max(min(config.num_batch, num_ctx), num_slots)
        # One row a slot is ever asked for; the default reserves logits for every row of a batch.
        params.n_outputs_max = num_slots
        set_options(params, config)
        # A cache shared by all sequences makes each attend over the cells of all.
        params.kv_unified = False
        params.no_perf = True
        backend.forget_errors()
        self._handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._handle:
            cause = "; ".join(backend.recent_errors()[:1]) or "llama.cpp gave no reason"
            raise ModelLoadFailed(f"A context of {num_slots} x {num_ctx} tokens could not be made: {cause}.")
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self._can_shift = bool(llama_cpp.llama_memory_can_shift(self._memory))
        self.num_ctx = min(int(llama_cpp.llama_n_ctx_seq(self._handle)), num_ctx)
        self.num_batch = int(llama_cpp.llama_n_batch(self._handle))
        self._batch = TokenBatch(self.num_batch)
        #: How many tokens back a layer with a sliding window looks; 0 where all layers see everything.
        self._window = int(llama_cpp.llama_model_n_swa(model.handle))
        self.states = SequenceStates(self._handle)

    @property
    def has_window(self) -> bool:
        return self._window > 0

    @property
    def handle(self) -> Any:
        return self._handle

    def decode(self, chunks: Sequence[Chunk]) -> None:
        """Computes the chunks in one call. Raises `DecodeFailed`; the sequences in it are then to be trimmed."""
        code = llama_cpp.llama_decode(self._handle, self._batch.fill(chunks))
        if code != 0:
            cause = "there is no room in the KV cache" if code == _NO_KV_SLOT else f"llama_decode returned {code}"
            raise DecodeFailed(cause)
        self.states.note_decoded()

    def warm_up(self, num_tokens: int) -> None:
        """Computes so many tokens and forgets them. A GPU takes memory for what is computed there when that is done first: what
        it cannot have is to be found out now, when the model can still be loaded otherwise. Raises `ModelLoadFailed`; where the
        GPU refuses, llama.cpp ends the process."""
        try:
            self.decode([Chunk(0, 0, [0] * min(num_tokens, self.num_batch, self.num_ctx), True)])
        except DecodeFailed as error:
            raise ModelLoadFailed(f"The model could be loaded, and cannot compute: {error}.") from error
        llama_cpp.llama_synchronize(self._handle)
        llama_cpp.llama_memory_clear(self._memory, False)

    def trim(self, seq_id: int, num_tokens: int) -> bool:
        """Forgets what follows the first `num_tokens` tokens. False when this kind of model can only forget everything (a
        recurrent state, or a sliding window of which too little would be left); nothing is forgotten then."""
        if self._window and num_tokens > 0:
            first = int(llama_cpp.llama_memory_seq_pos_min(self._memory, seq_id))
            if first > max(0, num_tokens - self._window):
                return False
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, seq_id, num_tokens, -1))

    def shift(self, seq_id: int, start: int, count: int) -> bool:
        """Takes `count` tokens from `start` on out of a sequence and moves up what follows. False when this kind of model
        cannot; nothing is changed then."""
        end = start + count
        if not self._can_shift or not llama_cpp.llama_memory_seq_rm(self._memory, seq_id, start, end):
            return False
        llama_cpp.llama_memory_seq_add(self._memory, seq_id, end, -1, -count)
        return True

    def close(self) -> None:
        if self._handle:
            llama_cpp.llama_free(self._handle)
            self._handle = None
