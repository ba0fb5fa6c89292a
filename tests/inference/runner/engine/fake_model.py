"""A model without weights: what it says next is a function of the whole sequence it was shown, so any mistake in
positions, trimming or slots changes its answers. It fails when it is told to, which a real one cannot be made to do."""

import zlib
from array import array
from collections.abc import Sequence

from inference.runner.engine.batch import Chunk, DecodeFailed
from inference.runner.messages import SamplingParams

END = 256
POISON = 999


class FakeSampler:
    def __init__(self, open_samplers: set["FakeSampler"]) -> None:
        self._open = open_samplers
        self._open.add(self)

    def close(self) -> None:
        self._open.remove(self)


class FakeModel:
    def __init__(self, *, num_slots: int = 4, num_ctx: int = 64, num_batch: int = 16, can_trim: bool = True) -> None:
        self.num_slots, self.num_ctx, self.num_batch, self.can_trim = num_slots, num_ctx, num_batch, can_trim
        self.can_cut_saved = can_trim
        self.cache: dict[int, list[int]] = {seq_id: [] for seq_id in range(num_slots)}
        self.batches: list[list[Chunk]] = []
        self.media: list[list[int]] = []
        self.open_samplers: set[FakeSampler] = set()
        self.fail_next = 0
        self.num_copies = 0
        self.num_saves = 0
        self.refuses_states = False
        self._rows: dict[int, list[int]] = {}

    def decode(self, chunks: Sequence[Chunk]) -> None:
        self.batches.append(list(chunks))
        seq_ids = [chunk.seq_id for chunk in chunks]
        assert len(set(seq_ids)) == len(seq_ids), "a sequence stands in a batch once"
        assert 0 < sum(len(chunk.tokens) for chunk in chunks) <= self.num_batch
        # As with the real one, some of a batch that fails may be in the cache.
        has_failed, row, self._rows = False, -1, {}
        for chunk in chunks:
            cached = self.cache[chunk.seq_id]
            assert chunk.tokens and chunk.position == len(cached), "positions are contiguous"
            if POISON in chunk.tokens or self.fail_next > 0:
                has_failed = True
                break
            cached += chunk.tokens
            assert len(cached) <= self.num_ctx, "a slot is not filled beyond its end"
            row += len(chunk.tokens)
            if chunk.wants_logits:
                self._rows[row] = list(cached)
        if has_failed:
            self.fail_next = max(0, self.fail_next - 1)
            raise DecodeFailed("told to fail")

    def decode_media(self, seq_id: int, position: int, media: list[int]) -> None:
        """`media` is what stands in the sequence for it."""
        cached = self.cache[seq_id]
        assert position == len(cached), "positions are contiguous"
        self._rows = {}
        if self.fail_next > 0:
            # As with the real one, some of it may be in the cache.
            self.fail_next -= 1
            cached += media[:1]
            raise DecodeFailed("told to fail")
        self.media.append(list(media))
        cached += media
        assert len(cached) <= self.num_ctx, "a slot is not filled beyond its end"

    def trim(self, seq_id: int, num_tokens: int) -> bool:
        if not self.can_trim and 0 < num_tokens < len(self.cache[seq_id]):
            return False
        del self.cache[seq_id][num_tokens:]
        return True

    def copy(self, source: int, target: int) -> None:
        self.num_copies += 1
        self.cache[target] = list(self.cache[source])

    def saved_size(self, seq_id: int) -> int:
        return 4 * len(self.cache[seq_id])

    def save(self, seq_id: int) -> bytearray:
        self.num_saves += 1
        return bytearray(array("i", self.cache[seq_id]).tobytes())

    def restore(self, seq_id: int, payload: bytearray) -> bool:
        if self.refuses_states:
            return False
        self.cache[seq_id] = array("i", bytes(payload)).tolist()
        return True

    def shift(self, seq_id: int, start: int, count: int) -> bool:
        if not self.can_trim:
            return False
        assert start + count < len(self.cache[seq_id])
        del self.cache[seq_id][start : start + count]
        return True

    def new_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int], constraint: object) -> FakeSampler:
        return FakeSampler(self.open_samplers)

    def sample(self, sampler: FakeSampler, row: int) -> int:
        assert sampler in self.open_samplers
        return next_token(self._rows[row])

    def is_cut_short(self, sampler: FakeSampler, cut: str) -> bool:
        assert sampler in self.open_samplers
        return False

    def is_end(self, token: int) -> bool:
        return token == END

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else b""


def next_token(tokens: Sequence[int]) -> int:
    """A small letter, and now and then the end."""
    value = zlib.crc32(repr(list(tokens)).encode())
    return END if value % 23 == 0 else ord("a") + value % 26


def expected_answer(prompt: Sequence[int], *, max_tokens: int | None, num_ctx: int) -> tuple[str, str]:
    """Text and finish reason, by the definition of the model alone."""
    tokens, text = list(prompt), ""
    while True:
        token = next_token(tokens)
        tokens.append(token)
        if token == END:
            return text, "stop"
        text += chr(token)
        if len(text) == max_tokens or len(tokens) >= num_ctx:
            return text, "length"
