from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.library.footprint import CacheOptions, estimate
from inference.library.gguf import GGUFMetadata, read_metadata
from inference.library.gguf_reader import LongArray
from inference.library.shape import ModelShape, read_shape
from inference.library.starter import find_starter_file
from tests.inference.library.files import ARRAY, BOOL, F32, STRING, TINY, U32, Value, gguf

LLAMA: dict[str, object] = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.feed_forward_length": 14336,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "tokenizer.ggml.tokens": LongArray(128_256),
}
KEYS = [key for key in LLAMA if key != "general.architecture"] + [
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.expert_used_count",
    "llama.expert_feed_forward_length",
    "llama.ssm.inner_size",
    "llama.ssm.state_size",
    "llama.ssm.conv_kernel",
]


def shape(changes: dict[str, object] | None = None) -> ModelShape:
    return read_shape(GGUFMetadata(3, 1, 1, {**LLAMA, **(changes or {})}, tensor_bytes=4_700_000_000))


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(
            st.integers(), st.floats(), st.text(max_size=4), st.booleans(), st.none(), st.lists(st.integers(), max_size=70)
        ),
    ),
    st.sampled_from([1, 4096, 2**24]),
)
def test_shape_of_a_hostile_header_gives_an_estimate_that_is_a_number(values: dict[str, object], num_ctx: int) -> None:
    footprint = estimate(shape(values), num_ctx=num_ctx, num_slots=4)

    assert footprint.total >= 4_700_000_000
    assert min(footprint.weights, footprint.kv_cache, footprint.compute, footprint.process) >= 0


def test_empty_header_has_a_shape() -> None:
    assert read_shape(GGUFMetadata(3, 0, 0)).kv_elements == 0


def test_grouped_heads_are_counted_once_a_group() -> None:
    # 32 layers, 8 heads of 128 for keys and as many for values.
    assert shape().kv_elements == 32 * 8 * (128 + 128)


@pytest.mark.parametrize("count", [[8, 0, 0, 4] * 8, [8] * 12 + [0] * 20])
def test_heads_given_for_each_layer_are_added_up(count: list[int]) -> None:
    assert shape({"llama.attention.head_count_kv": count}).kv_elements == sum(count) * 256


def test_head_sizes_of_their_own_are_taken() -> None:
    sizes = {"llama.attention.key_length": 192, "llama.attention.value_length": 64}

    assert shape(sizes).kv_elements == 32 * 8 * 256


def test_experts_that_are_asked_count_as_feed_forward() -> None:
    experts = {"llama.feed_forward_length": 0, "llama.expert_used_count": 8, "llama.expert_feed_forward_length": 768}

    assert shape(experts).num_ff == 6144


def test_recurrent_state_is_there_once_a_slot_whatever_the_context() -> None:
    mamba = shape(
        {"llama.attention.head_count_kv": 0, "llama.ssm.inner_size": 5120, "llama.ssm.state_size": 16, "llama.ssm.conv_kernel": 4}
    )
    small, large = (estimate(mamba, num_ctx=num_ctx, num_slots=2).kv_cache for num_ctx in (1000, 100_000))

    assert small == large == 2 * 32 * (5120 * 16 + 3 * 5120) * 4


def test_cache_grows_with_context_and_slots_and_shrinks_with_its_type() -> None:
    def cache(num_ctx: int, num_slots: int, cache_type: str = "f16") -> int:
        return estimate(shape(), num_ctx=num_ctx, num_slots=num_slots, cache=CacheOptions(cache_type=cache_type)).kv_cache

    # Known of Llama 3 8B: 128 KiB a token.
    assert cache(8192, 1) == 8192 * 128 * 1024
    assert cache(8192, 4) == 4 * cache(8192, 1)
    assert cache(8192, 1, "q8_0") == cache(8192, 1) * 34 // 64
    assert cache(8100, 1) == cache(8192, 1)


def test_scores_of_every_head_need_memory_without_flash_attention() -> None:
    with_, without = (
        estimate(shape(), num_ctx=8192, num_slots=1, cache=CacheOptions(flash_attention=is_on)).compute for is_on in (True, False)
    )

    assert without - with_ == 512 * 8192 * 32 * 4


@pytest.mark.parametrize(("kind", "size"), [(0, 128), (1, 64), (2, 18), (8, 34)])
def test_tensors_bytes_follow_from_their_type(tmp_path: Path, kind: int, size: int) -> None:
    path = tmp_path / "m.gguf"
    header = gguf(tensors={"w": [32]})
    # Type and offset are the last twelve bytes.
    header = header[:-12] + kind.to_bytes(4, "little") + header[-8:]
    path.write_bytes(header.ljust(-(-len(header) // 32) * 32, b"\0") + bytes(size))

    assert read_metadata(path).tensor_bytes == size
    assert read_metadata(path).missing_bytes == 0
    path.write_bytes(path.read_bytes()[:-5])
    assert read_metadata(path).missing_bytes == 5


def test_tensor_of_an_unknown_type_is_not_larger_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    header = gguf(tensors={"w": [2**40]})
    path.write_bytes(header[:-12] + (99).to_bytes(4, "little") + header[-8:])

    assert read_metadata(path).tensor_bytes == path.stat().st_size


@pytest.mark.parametrize(
    "values",
    [
        {"general.alignment": (U32, 0)},
        {"general.alignment": (STRING, "x")},
        {"general.alignment": (U32, 2**32 - 1)},
        {"general.architecture": (U32, 5)},
        {"llama.block_count": (F32, 3.0), "llama.embedding_length": (BOOL, True), "llama.context_length": (ARRAY, (U32, (1, 2)))},
    ],
)
def test_values_of_the_wrong_type_are_passed_over(tmp_path: Path, values: dict[str, Value]) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(TINY | values))

    assert read_shape(read_metadata(path)).num_layers == 0


def test_matrices_at_both_ends_are_told_from_the_layers() -> None:
    path = find_starter_file()
    assert path is not None
    found = read_shape(read_metadata(path))

    # One matrix is both in this model: 49,152 tokens of 576 numbers, in Q8_0 or less.
    assert 0 < found.input_bytes <= 49_152 * 576 * 34 // 32
    assert found.output_bytes == 0
