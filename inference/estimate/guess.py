"""The sizes of a model of which only its number of parameters is known: those of published models between which it lies."""

import itertools
import math

from inference.library.shape import ModelShape

#: Parameters; layers, width, width of the feed-forward part, heads, keys and values of a token over all layers, vocabulary.
#: SmolLM2 135M, Qwen2.5 0.5B, Qwen3 1.7B, Llama 3.2 3B, Qwen3 8B, Qwen3 14B, Qwen3 32B, Llama 3 70B, Llama 3 405B.
_PUBLISHED: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.135e9, (30, 576, 1536, 9, 11_520, 49_152)),
    (0.49e9, (24, 896, 4864, 14, 6_144, 151_936)),
    (1.7e9, (28, 2048, 6144, 16, 57_344, 151_936)),
    (3.2e9, (28, 3072, 8192, 24, 57_344, 128_256)),
    (8.2e9, (36, 4096, 12_288, 32, 73_728, 151_936)),
    (14.8e9, (40, 5120, 17_408, 40, 81_920, 151_936)),
    (32.8e9, (64, 5120, 25_600, 64, 131_072, 151_936)),
    (70.6e9, (80, 8192, 28_672, 64, 163_840, 128_256)),
    (405e9, (126, 16_384, 53_248, 128, 258_048, 128_256)),
)
#: Bits that a weight takes, by file type, over all tensors of usual models; llama.cpp prints them when it quantises.
_BITS = {
    "F32": 32.0, "F16": 16.0, "BF16": 16.0, "Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q5_K_S": 5.5, "Q5_1": 6.0,
    "Q5_0": 5.5, "Q4_K_M": 4.9, "Q4_K_S": 4.6, "Q4_1": 5.0, "Q4_0": 4.6, "IQ4_NL": 4.5, "IQ4_XS": 4.3, "Q3_K_L": 4.3,
    "Q3_K_M": 3.9, "Q3_K_S": 3.5, "Q2_K": 3.2, "MXFP4": 4.3,
}  # fmt: skip
USUAL_KIND = "Q4_K_M"


def guess_shape(*, parameters: float, size: int) -> ModelShape:
    """`size` in bytes is that of the weights."""
    layers, embd, ff, heads, kv_elements, vocab = (round(number) for number in _between(parameters))
    return ModelShape(
        weight_bytes=size,
        num_layers=layers,
        num_embd=embd,
        num_ff=ff,
        num_heads=heads,
        num_vocab=vocab,
        kv_elements=kv_elements,
        state_elements=0,
    )


def guess_size(parameters: float, file_type: str = USUAL_KIND) -> int:
    """Bytes."""
    return round(parameters * _BITS.get(file_type, _BITS[USUAL_KIND]) / 8)


def guess_parameters(size: int, file_type: str = USUAL_KIND) -> float:
    return size * 8 / _BITS.get(file_type, _BITS[USUAL_KIND])


def guess_file_type(*, parameters: float, size: int) -> str:
    """The type whose bits come nearest."""
    bits = size * 8 / max(parameters, 1.0)
    return min((USUAL_KIND, "Q8_0", "F16", "Q6_K", "Q3_K_M"), key=lambda kind: abs(_BITS[kind] - bits))


def _between(parameters: float) -> list[float]:
    smallest, largest = _PUBLISHED[0], _PUBLISHED[-1]
    if parameters <= smallest[0]:
        return [float(number) for number in smallest[1]]
    for (low, below), (high, above) in itertools.pairwise(_PUBLISHED):
        if parameters <= high:
            share = math.log(parameters / low) / math.log(high / low)
            return [a * (b / a) ** share for a, b in zip(below, above, strict=True)]
    return [float(number) for number in largest[1]]
