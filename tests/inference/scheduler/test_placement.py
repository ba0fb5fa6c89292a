from hypothesis import given
from hypothesis import strategies as st

from inference.library.footprint import Footprint
from inference.library.shape import ModelShape
from inference.scheduler.placement import ALL_LAYERS, GPU_HOST_BYTES, GPU_WORK_BYTES, GpuOptions, Plan, Room, place

MB = 10**6
FOOTPRINT = Footprint(weights=1000 * MB, kv_cache=100 * MB, compute=50 * MB, process=10 * MB)


def shape(*, input_mb: int = 200, output_mb: int = 300, num_layers: int = 5) -> ModelShape:
    return ModelShape(
        weight_bytes=1000 * MB, num_layers=num_layers, num_embd=0, num_ff=0, num_heads=1, num_vocab=0, kv_elements=0,
        state_elements=0, input_bytes=input_mb * MB, output_bytes=output_mb * MB,
    )  # fmt: skip


def plan(free_mb: int, of: ModelShape, **options: object) -> Plan:
    return place(FOOTPRINT, of, 1, Room(10_000 * MB, (free_mb * MB + GPU_WORK_BYTES,)), GpuOptions(**options))  # type: ignore[arg-type]


def test_input_matrix_is_never_on_a_gpu() -> None:
    found = plan(5000, shape())

    # 500 MB in layers, with 100 of cache; 300 that make logits; 50 of buffers.
    assert found.num_gpu_layers == ALL_LAYERS
    assert (found.device_bytes - GPU_WORK_BYTES, found.host_bytes - GPU_HOST_BYTES) == (950 * MB, 210 * MB)


def test_matrix_that_is_both_is_in_both_places() -> None:
    found = plan(5000, shape(output_mb=0))

    assert (found.device_bytes - GPU_WORK_BYTES, found.host_bytes - GPU_HOST_BYTES) == ((800 + 100 + 200 + 50) * MB, 210 * MB)


def test_output_matrix_goes_first_and_is_not_taken_for_a_layer() -> None:
    # 120 MB for each of five layers: 300 + 50 + 2 * 120.
    found = plan(600, shape())

    assert (found.num_gpu_layers, found.device_bytes - GPU_WORK_BYTES) == (3, 590 * MB)
    assert found.host_bytes - GPU_HOST_BYTES == (1160 - 300 - 240) * MB
    assert plan(349, shape()).num_gpu_layers == 0


def test_no_more_layers_than_were_asked_for() -> None:
    assert [plan(5000, shape(), num_layers=count).num_gpu_layers for count in (0, 1, 5, 6, 99)] == [
        0,
        1,
        5,
        ALL_LAYERS,
        ALL_LAYERS,
    ]


@given(st.integers(0, 2000), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 40), st.none() | st.integers(0, 50))
def test_whatever_a_file_says_nothing_is_promised_that_is_not_there(
    free: int, input_mb: int, output_mb: int, num_layers: int, asked: int | None
) -> None:
    found = plan(free, shape(input_mb=input_mb, output_mb=output_mb, num_layers=num_layers), num_layers=asked)

    assert 0 <= found.device_bytes <= free * MB + GPU_WORK_BYTES
    assert found.host_bytes <= FOOTPRINT.total + GPU_HOST_BYTES
    assert asked is None or found.num_gpu_layers <= asked
