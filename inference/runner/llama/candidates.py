"""The tokens that may come next, with their logits, as llama.cpp's samplers take them. Used by the decode thread alone."""

import ctypes
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from llama_cpp import llama_cpp

#: `llama_token_data`.
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
#: What JSON has no minus infinity for; OpenAI's value too.
_LOWEST_LOGPROB = -9999.0
_NEAR_PEAK = 8.0
#: A row is looked at in that many parts side by side when its likeliest tokens are looked for.
_NUM_PARTS = 32
#: A step with fewer rows than this has its tokens drawn by llama.cpp from all.
_FEW_ROWS = 4


class Candidates:
    """Room for the whole vocabulary, filled anew for each token that is drawn."""

    def __init__(self, num_tokens: int) -> None:
        self._all = np.zeros(num_tokens, dtype=_CANDIDATE)
        self._ids = np.arange(num_tokens, dtype=np.int32)
        self._pointer = self._all.ctypes.data_as(llama_cpp.llama_token_data_p)
        self._array = llama_cpp.llama_token_data_array()
        self._one = llama_cpp.llama_token_data()
        #: Of what was asked of `fill_likeliest` last, and how many rows of that step and of the one before it it was asked for.
        self._last_row = -1
        self._num_rows = self._num_rows_before = 0
        self._one_array = llama_cpp.llama_token_data_array(data=ctypes.pointer(self._one), size=1, selected=-1, sorted=False)

    def fill(self, context: object, row: int) -> None:
        """All tokens, with the logits of a row of the last batch."""
        self._all["id"] = self._ids
        self._all["logit"] = logits_of(context, row, len(self._ids))
        self._array.data, self._array.size, self._array.selected, self._array.sorted = self._pointer, len(self._ids), -1, False

    def fill_likeliest(self, context: object, row: int, count: int) -> bool:
        """The `count` likeliest tokens, and few more. False, and nothing is filled, where finding them would gain nothing.

        Rows of a step are asked for in order. For a few it gains nothing: the step has read the whole model, and what Python and
        numpy need has left the processor's caches (130 us for the first token, 35 for each other; llama.cpp takes 55).
        """
        if row <= self._last_row:
            self._num_rows, self._num_rows_before = 0, self._num_rows
        self._last_row = row
        self._num_rows += 1
        if self._num_rows_before < _FEW_ROWS:
            return False
        logits = logits_of(context, row, len(self._ids))
        ids = likeliest(logits, count)
        if ids is None:
            return False
        few = self._all[: len(ids)]
        few["id"] = ids
        few["logit"] = logits[ids]
        self._array.data, self._array.size, self._array.selected, self._array.sorted = self._pointer, len(ids), -1, False
        return True

    def forbid(self, tokens: npt.NDArray[np.int32]) -> None:
        """Only between `fill` and `apply`, which changes the order."""
        self._all["logit"][tokens] = -np.inf

    def apply(self, sampler: object) -> None:
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(self._array))

    @property
    def selected(self) -> int:
        """The token that a chain has drawn; -1 when it has drawn none, or one that is forbidden because all are."""
        index = self._array.selected
        if not 0 <= index < self._array.size:
            return -1
        drawn = self._array.data[index]
        return int(drawn.id) if drawn.logit > -math.inf else -1

    def allows(self, sampler: object, token: int) -> bool:
        """Whether a sampler leaves this one token a chance, asked of it alone."""
        self._one.id, self._one.logit, self._one.p = token, 0.0, 0.0
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(self._one_array))
        return bool(self._one.logit == 0.0)


def logits_of(context: object, row: int, num_tokens: int) -> npt.NDArray[np.float32]:
    """Not copied: good until the next batch."""
    pointer: Any = llama_cpp.llama_get_logits_ith(context, row)
    return np.ctypeslib.as_array(pointer, shape=(num_tokens,))


def likeliest(logits: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp] | None:
    """The `count` tokens with the highest logits, and few more; None for too many, or with logits that are no numbers.

    Takes a quarter of the time of llama.cpp's top-k, which first writes down all tokens. The row is laid out in columns: at least
    `count` tokens are as likely as the column with the `count`th highest peak.
    """
    num_columns = len(logits) // _NUM_PARTS
    if not 0 < count <= num_columns // 4:
        return None
    peaks = logits[: num_columns * _NUM_PARTS].reshape(_NUM_PARTS, num_columns).max(axis=0)
    peaks.partition(num_columns - count)
    ids = np.flatnonzero(logits >= peaks[num_columns - count])
    return ids if count <= len(ids) <= len(logits) // 4 else None


def logprob_of(logits: npt.NDArray[np.float32], token: int, num_top: int) -> tuple[float, list[tuple[int, float]]]:
    """The natural logarithm of a token's probability, and the likeliest tokens with theirs, the likeliest first."""
    peak = logits.max()
    total = float(peak) + float(np.log(np.exp(logits - peak).sum(dtype=np.float64)))
    if num_top == 0:
        return _finite(float(logits[token]) - total), []
    num_top = min(num_top, len(logits))
    # Nearly always there are enough of these few, and finding the largest among all takes twenty times as long.
    likeliest = np.flatnonzero(logits > peak - _NEAR_PEAK)
    if len(likeliest) < num_top:
        likeliest = np.argpartition(logits, -num_top)[-num_top:]
    likeliest = likeliest[np.argsort(-logits[likeliest], kind="stable")[:num_top]]
    top = [(int(other), _finite(float(logits[other]) - total)) for other in likeliest]
    return _finite(float(logits[token]) - total), top


def _finite(logprob: float) -> float:
    return max(_LOWEST_LOGPROB, logprob)
