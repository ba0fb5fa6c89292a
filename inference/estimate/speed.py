"""About how many tokens a second a model will write here. Pure.

For each token all weights that take part in it are read once; on nearly every machine that is what takes the time. So
tokens a second are the rate at which weights of a type are gone through, by their bytes, less what is lost between layers.
"""

from typing import Any

from inference.estimate.calibration import Calibration
from inference.library.gguf import GGUFMetadata

#: By the beginning of a file type's name: which of the measured types its weights are like. Types that llama.cpp does not
#: lay out anew for the processor are about as fast as Q4_1.
RATE_OF = (
    ("Q4_0", "Q4_0"), ("IQ4_NL", "Q4_0"), ("IQ4_XS", "Q4_1"), ("Q4_1", "Q4_1"), ("Q4_K", "Q4_K"), ("Q6_K", "Q6_K"),
    ("Q8_0", "Q8_0"), ("F16", "F16"), ("BF16", "F16"), ("F32", "F16"),
)  # fmt: skip
_OTHERWISE = "Q4_1"
_LEAST_SHARE = 0.01
_LARGEST = 2**31


def tokens_per_second(
    calibration: Calibration, *, read_bytes: float, file_type: str, num_layers: int, gpu_share: float = 1.0
) -> float:
    """`read_bytes` are those of the weights that one token goes through. `gpu_share` is the part of the layers that lies on GPUs,
    where there are any: one after the other takes its time, here and there."""
    kind = next((rate for prefix, rate in RATE_OF if file_type.startswith(prefix)), _OTHERWISE)
    seconds = read_bytes / calibration.rates[kind] + num_layers * calibration.layer_seconds
    if calibration.host_rates:
        beside = read_bytes / calibration.host_rates[kind] + num_layers * calibration.host_layer_seconds
        seconds = gpu_share * seconds + (1 - gpu_share) * beside
    return 1.0 / max(seconds, 1e-6)


def active_share(metadata: GGUFMetadata) -> float:
    """Of a model's weights, the part that one token goes through: all of them, but for a mixture of experts."""
    layers, width = _number(metadata, "block_count"), _number(metadata, "embedding_length")
    experts, used = _number(metadata, "expert_count"), _number(metadata, "expert_used_count")
    inner = _number(metadata, "expert_feed_forward_length") or _number(metadata, "feed_forward_length")
    if not 0 < used < experts or metadata.num_parameters <= 0:
        return 1.0
    # Each expert has three matrices: gate, up and down.
    in_experts = min(3 * layers * width * inner * experts / metadata.num_parameters, 1.0)
    return max(1.0 - in_experts * (1.0 - used / experts), _LEAST_SHARE)


def _number(metadata: GGUFMetadata, key: str) -> int:
    value: Any = metadata.values.get(f"{metadata.architecture}.{key}")
    return value if isinstance(value, int) and 0 <= value < _LARGEST else 0
