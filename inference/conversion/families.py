"""What a model's config.json says, by the family that its architecture belongs to, and how its tensors are written.

Sources: the models' code in Hugging Face's transformers, and llama.cpp's reading of GGUF files (`src/llama-model.cpp`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gguf
import numpy as np

from inference.conversion.errors import ConversionError

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Family:
    architecture: gguf.MODEL_ARCH
    #: Writes the numbers of the configuration.
    describe: Callable[[gguf.GGUFWriter, "Config"], None]
    #: "bpe" or "wordpiece".
    vocabulary: str = "bpe"
    #: Whether rows of the query and key weights are in the order in which llama.cpp wants pairs that turn together.
    is_permuted: bool = False
    #: Beginnings of names of tensors that have no use.
    ignored: tuple[str, ...] = ()
    #: Parts of names of matrices that are written as they are calculated with.
    exact: tuple[str, ...] = field(default=())
    #: Tensors outside the layers that no model of the family lacks; "output.weight" may be tied to the embeddings.
    required: tuple[str, ...] = ()


class Config:
    """config.json, of which every number may be absent or absurd."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def count(self, key: str, default: int | None = None) -> int:
        """Raises `ConversionError` for anything but a whole number from 1."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if type(value) is not int or not 0 < value <= _LARGEST:
            raise ConversionError(f"its config.json gives no usable {key}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _LARGEST:
            raise ConversionError(f"its config.json gives no usable {key}")
        return float(value)

    @property
    def num_layers(self) -> int:
        count = self.count("num_hidden_layers")
        if count > 10_000:
            raise ConversionError("its config.json gives no usable num_hidden_layers")
        return count

    @property
    def num_heads(self) -> int:
        return self.count("num_attention_heads")

    @property
    def head_size(self) -> int:
        return self.count("head_dim", self.count("hidden_size") // self.num_heads or 1)

    @property
    def rope(self) -> dict[str, Any]:
        """Older files call it `rope_scaling` and have the base beside it."""
        found = self.values.get("rope_parameters") or self.values.get("rope_scaling") or {}
        if not isinstance(found, dict):
            raise ConversionError("its config.json gives no usable rope_scaling")
        return found


def family_of(config: dict[str, Any]) -> Family:
    """Raises `ConversionError` naming what can be converted."""
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ConversionError(f"models of the architecture {name[:60] or 'unknown'} cannot be converted; these can: {known}")
    return FAMILIES[name]


def permute(array: np.ndarray[Any, Any], num_heads: int) -> np.ndarray[Any, Any]:
    """transformers turns the first half of a head together with the second, llama.cpp neighbours."""
    rows = array.shape[0]
    return array.reshape(num_heads, 2, rows // num_heads // 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def rope_factors(config: Config) -> np.ndarray[Any, Any] | None:
    """Llama 3.1's way to stretch long wavelengths; None for a model that does not stretch that way."""
    rope = Config(config.rope)
    if rope.values.get("rope_type", rope.values.get("type")) != "llama3":
        return None
    size = config.head_size
    frequencies = _rope_base(config) ** -(np.arange(0, size, 2, dtype=np.float64) / size)
    wavelengths = 2 * math.pi / frequencies
    low, high = rope.number("low_freq_factor", 1.0), rope.number("high_freq_factor", 4.0)
    factor, old = rope.number("factor", 8.0), rope.count("original_max_position_embeddings", 8192)
    if factor <= 0 or high <= low:
        raise ConversionError("its config.json gives no usable rope_scaling")
    smooth = (old / wavelengths - low) / (high - low)
    between = 1 / ((1 - smooth) / factor + smooth)
    factors = np.where(wavelengths < old / high, 1.0, np.where(wavelengths > old / low, factor, between))
    return factors.astype(np.float32)


def _describe_llama(writer: gguf.GGUFWriter, config: Config) -> None:
    _expect(config, "hidden_act", "silu")
    writer.add_context_length(config.count("max_position_embeddings", 2048))
    writer.add_embedding_length(config.count("hidden_size"))
    writer.add_block_count(config.num_layers)
    writer.add_feed_forward_length(config.count("intermediate_size"))
    writer.add_head_count(config.num_heads)
    writer.add_head_count_kv(config.count("num_key_value_heads", config.num_heads))
    writer.add_layer_norm_rms_eps(config.number("rms_norm_eps", 1e-6))
    writer.add_rope_dimension_count(config.head_size)
    writer.add_key_length(config.head_size)
    writer.add_value_length(config.head_size)
    writer.add_rope_freq_base(_rope_base(config))
    _describe_rope(writer, Config(config.rope))


def _rope_base(config: Config) -> float:
    base = Config(config.rope).number("rope_theta", config.number("rope_theta", 10000.0))
    if base <= 0:
        raise ConversionError("its config.json gives no usable rope_theta")
    return base


def _describe_rope(writer: gguf.GGUFWriter, rope: Config) -> None:
    kind = rope.values.get("rope_type", rope.values.get("type", "default"))
    if kind in ("default", "llama3"):
        return
    if kind not in ("linear", "yarn"):
        raise ConversionError(f"its positions are stretched in a way that cannot be converted ({str(kind)[:40]})")
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR if kind == "linear" else gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(rope.number("factor"))
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope.count("original_max_position_embeddings"))


def _expect(config: Config, key: str, expected: str) -> None:
    """llama.cpp computes nothing else, whatever the file says. Raises `ConversionError`."""
    if (found := config.values.get(key, expected)) != expected:
        raise ConversionError(f"its {key} is {str(found)[:40]}, and only {expected} can be converted")


def _describe_bert(writer: gguf.GGUFWriter, config: Config) -> None:
    _expect(config, "hidden_act", "gelu")
    if config.values.get("position_embedding_type", "absolute") != "absolute":
        raise ConversionError("its positions are of a kind that cannot be converted")
    writer.add_context_length(config.count("max_position_embeddings"))
    writer.add_embedding_length(config.count("hidden_size"))
    writer.add_block_count(config.num_layers)
    writer.add_feed_forward_length(config.count("intermediate_size"))
    writer.add_head_count(config.num_heads)
    writer.add_layer_norm_eps(config.number("layer_norm_eps", 1e-12))
    writer.add_causal_attention(False)
    writer.add_token_type_count(config.count("type_vocab_size", 2))


_AROUND_LAYERS = ("output_norm.weight", "output.weight")
_LLAMA = Family(gguf.MODEL_ARCH.LLAMA, _describe_llama, is_permuted=True, required=_AROUND_LAYERS)
_BERT = Family(
    gguf.MODEL_ARCH.BERT,
    _describe_bert,
    vocabulary="wordpiece",
    ignored=("embeddings.position_ids", "pooler.", "cls."),
    exact=("token_types", "position_embd"),
    required=("position_embd.weight", "token_embd_norm.weight"),
)
#: By the class that config.json names.
FAMILIES = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": Family(gguf.MODEL_ARCH.QWEN2, _describe_llama, required=_AROUND_LAYERS),
    "Qwen3ForCausalLM": Family(gguf.MODEL_ARCH.QWEN3, _describe_llama, required=_AROUND_LAYERS),
    "BertModel": _BERT,
    "BertForMaskedLM": _BERT,
}
