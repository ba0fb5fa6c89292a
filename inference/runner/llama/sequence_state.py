"""Sequences' states as a whole: copied within the KV cache, taken out of it and put back. Used by the decode thread alone."""

import ctypes
from typing import Any

from llama_cpp import llama_cpp


class SequenceStates:
    """Of one context, whose sequences each have a part of the KV cache to themselves (`kv_unified` False).

    Between such parts llama.cpp copies whole sequences only, and does it at the beginning of the next decode: until then
    the target must not be read or written, nor the source written, in another way.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._memory = llama_cpp.llama_get_memory(context)
        self._sources: set[int] = set()
        self._targets: set[int] = set()

    def copy(self, source: int, target: int) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, target, -1, -1)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        self._sources.add(source)
        self._targets.add(target)

    def note_decoded(self) -> None:
        """The copies are done."""
        if self._targets:
            self._sources.clear()
            self._targets.clear()

    def saved_size(self, seq_id: int) -> int:
        """Bytes of what `save` would give; takes nothing out."""
        return int(llama_cpp.llama_state_seq_get_size(self._context, seq_id))

    def save(self, seq_id: int) -> bytearray | None:
        """The state's bytes, of use to the same model with the same settings in the same build of llama.cpp."""
        if seq_id in self._targets:
            return None
        payload = bytearray(self.saved_size(seq_id))
        if not payload:
            return None
        size = llama_cpp.llama_state_seq_get_data(self._context, _bytes_of(payload), len(payload), seq_id)
        return payload if size == len(payload) else None

    def restore(self, seq_id: int, payload: bytearray) -> bool:
        """False when llama.cpp does not take it; what the sequence holds is then not known."""
        if not payload or seq_id in self._sources or seq_id in self._targets:
            return False
        llama_cpp.llama_memory_seq_rm(self._memory, seq_id, -1, -1)
        size = llama_cpp.llama_state_seq_set_data(self._context, _bytes_of(payload), len(payload), seq_id)
        return bool(size == len(payload))


def _bytes_of(payload: bytearray) -> Any:
    return (ctypes.c_uint8 * len(payload)).from_buffer(payload)
