import msgspec
import pytest

from inference.estimate.calibration import MEASURED_KINDS, Calibration
from inference.estimate.speed import RATE_OF, active_share, tokens_per_second
from inference.library.gguf import GGUFMetadata
from inference.library.quantize import KINDS

CALIBRATION = Calibration(machine="here", rates=dict.fromkeys(MEASURED_KINDS, 1e10) | {"Q4_1": 5e9}, layer_seconds=1e-4)


def metadata(**values: object) -> GGUFMetadata:
    keys = {f"llama.{key}": value for key, value in values.items()} | {"general.architecture": "llama"}
    return GGUFMetadata(3, 1, 10_000_000, keys)


@pytest.mark.parametrize("kind", [*KINDS, "unknown", "", "IQ1_S"])
def test_every_type_has_a_rate(kind: str) -> None:
    assert 0 < tokens_per_second(CALIBRATION, read_bytes=1e9, file_type=kind, num_layers=10) <= 10


def test_time_is_that_of_the_weights_and_the_layers() -> None:
    assert tokens_per_second(CALIBRATION, read_bytes=1e9, file_type="Q4_0", num_layers=0) == pytest.approx(10)
    assert tokens_per_second(CALIBRATION, read_bytes=1e9, file_type="Q4_0", num_layers=1000) == pytest.approx(5)
    assert tokens_per_second(CALIBRATION, read_bytes=1e9, file_type="Q3_K_M", num_layers=0) == pytest.approx(5)
    assert tokens_per_second(CALIBRATION, read_bytes=0, file_type="Q4_0", num_layers=0) <= 1e6


def test_layers_beside_the_gpu_take_the_time_they_take_there() -> None:
    both = msgspec.structs.replace(CALIBRATION, host_rates=dict.fromkeys(MEASURED_KINDS, 1e9), host_layer_seconds=1e-3)
    found = [
        tokens_per_second(both, read_bytes=1e9, file_type="Q4_0", num_layers=100, gpu_share=share) for share in (1.0, 0.5, 0.0)
    ]

    assert found == pytest.approx([1 / 0.11, 1 / (0.055 + 0.55), 1 / 1.1])
    # Where there is no GPU, nobody asks which part lies there.
    assert tokens_per_second(CALIBRATION, read_bytes=1e9, file_type="Q4_0", num_layers=0, gpu_share=0.0) == pytest.approx(10)


def test_rates_are_of_types_that_are_measured() -> None:
    assert {rate for _, rate in RATE_OF} <= set(MEASURED_KINDS)


def test_dense_model_uses_all_its_weights() -> None:
    assert active_share(metadata(block_count=2, embedding_length=64, feed_forward_length=128)) == 1.0


def test_mixture_uses_those_of_some_experts() -> None:
    sizes = {"block_count": 10, "embedding_length": 100, "expert_feed_forward_length": 100, "expert_count": 30}
    # Of ten million weights, nine million lie in experts, of which a token goes through a tenth.
    assert active_share(metadata(**sizes, expert_used_count=3)) == pytest.approx(0.1 + 0.9 * 0.1)


@pytest.mark.parametrize(
    "values",
    [
        {"expert_count": -1, "expert_used_count": 2},
        {"expert_count": "many", "expert_used_count": []},
        {"expert_count": 2, "expert_used_count": 64},
        {"expert_count": 2**31 - 1, "expert_used_count": 1, "block_count": 2**31 - 1, "embedding_length": 2**31 - 1},
        {"expert_count": True, "expert_used_count": False},
    ],
)
def test_share_of_absurd_numbers_is_a_share(values: dict[str, object]) -> None:
    assert 0 < active_share(metadata(**values)) <= 1
