import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.library.footprint import CacheOptions, estimate
from inference.library.shape import ModelShape
from inference.scheduler.placement import ALL_LAYERS, GpuOptions, Plan, Room
from inference.scheduler.plan import make_plan, shortage

GB = 10**9
#: 4.7 GB of weights, 0.5 GB of cache for each slot of 4096 tokens.
LLAMA = ModelShape(
    weight_bytes=4_700_000_000,
    num_layers=32,
    num_embd=4096,
    num_ff=14336,
    num_heads=32,
    num_vocab=128_256,
    kv_elements=65_536,
    state_elements=0,
)


def plan(room: Room, *, num_slots: int | None = 1, is_spread: bool = False) -> Plan | None:
    return make_plan(
        LLAMA, num_ctx=4096, num_slots=num_slots, cache=CacheOptions(), room=room, gpus=GpuOptions(is_spread=is_spread)
    )


def test_model_that_does_not_fit_has_no_plan() -> None:
    assert plan(Room(5 * GB)) is None
    assert plan(Room(3 * GB, (2 * GB,))) is None


def test_model_goes_to_the_host_where_there_is_no_gpu() -> None:
    found = plan(Room(32 * GB))

    assert found is not None
    assert (found.device_bytes, found.num_gpu_layers, found.num_slots) == (0, ALL_LAYERS, 1)
    assert found.host_bytes == estimate(LLAMA, num_ctx=4096, num_slots=1).total


def test_model_goes_to_the_one_gpu_with_most_room() -> None:
    found = plan(Room(2 * GB, (8 * GB, 24 * GB)))

    assert found is not None
    assert (found.single_gpu, found.num_gpu_layers) == (1, ALL_LAYERS)
    assert found.host_bytes < 0.5 * GB


def test_model_is_spread_when_asked_or_when_no_gpu_is_large_enough() -> None:
    for room, is_spread in ((Room(2 * GB, (24 * GB, 24 * GB)), True), (Room(2 * GB, (4 * GB, 4 * GB)), False)):
        found = plan(room, is_spread=is_spread)
        assert found is not None
        assert (found.single_gpu, found.num_gpu_layers) == (None, ALL_LAYERS)


def test_layers_that_find_no_room_on_the_gpu_stay_on_the_host() -> None:
    found = plan(Room(16 * GB, (3 * GB,)))

    assert found is not None
    assert 10 < found.num_gpu_layers < 20
    assert found.device_bytes <= 3 * GB
    assert found.host_bytes > 2 * GB


@pytest.mark.parametrize(("host", "num_slots"), [(32, 4), (8.7, 3), (8.1, 2), (5.8, 1)])
def test_automatic_slots_leave_a_fifth_of_the_memory_unless_there_is_one(host: float, num_slots: int) -> None:
    found = plan(Room(int(host * GB)), num_slots=None)

    assert found is not None
    assert found.num_slots == num_slots


@given(st.integers(0, 20 * GB), st.lists(st.integers(0, 12 * GB), max_size=3), st.sampled_from([None, 1, 4]), st.booleans())
def test_plan_never_promises_more_than_there_is(host: int, devices: list[int], num_slots: int | None, is_spread: bool) -> None:
    room = Room(host, tuple(devices))
    found = plan(room, num_slots=num_slots, is_spread=is_spread)

    if found is not None:
        assert found.host_bytes <= host
        assert found.device_bytes <= sum(devices)
        assert found.single_gpu is None or found.device_bytes <= devices[found.single_gpu]
        assert found.num_slots == (num_slots or found.num_slots)


@given(st.integers(0, 8 * GB), st.lists(st.integers(0, 6 * GB), max_size=3), st.sampled_from([1, 4]), st.booleans())
def test_something_is_lacking_exactly_where_there_is_no_plan(
    host: int, devices: list[int], num_slots: int, is_spread: bool
) -> None:
    room = Room(host, tuple(devices))

    lacking = shortage(
        LLAMA, num_ctx=4096, num_slots=num_slots, cache=CacheOptions(), room=room, gpus=GpuOptions(is_spread=is_spread)
    )

    assert (lacking > 0) == (plan(room, num_slots=num_slots, is_spread=is_spread) is None)
