"""The numbers of a model that its memory follows from. They come from a file, so each may be wrong, absent or absurd."""

from dataclasses import dataclass
from typing import Any

from inference.library.gguf import GGUFMetadata, is_encoder
from inference.library.gguf_reader import LongArray

_LARGEST = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """Elements are numbers, not bytes: their type is chosen when the model is loaded."""

    weight_bytes: int
    num_layers: int
    num_embd: int
    #: Of the feed-forward part that one token goes through; of a mixture, of the experts it is given to.
    num_ff: int
    num_heads: int
    num_vocab: int
    #: Keys and values of one token over all layers; none of a model that reads a whole text at once.
    kv_elements: int
    #: A recurrent state over all layers, which does not grow with the context.
    state_elements: int
    #: Of the weights: the matrix in which tokens are looked up, and the one that makes logits; 0 where that is the same one, or
    #: where the file does not say.
    input_bytes: int = 0
    output_bytes: int = 0


def read_shape(metadata: GGUFMetadata) -> ModelShape:
    """Never raises. Layers with a sliding window, and those of a hybrid that keep no keys, are counted like any other:
    the estimate is then too high rather than too low."""
    numbers = _Numbers(metadata)
    num_layers = numbers.one("block_count", 0)
    num_embd = numbers.one("embedding_length", 0)
    num_heads = numbers.largest("attention.head_count", 1)
    head_size = num_embd // max(num_heads, 1)
    key_value_size = numbers.one("attention.key_length", head_size) + numbers.one("attention.value_length", head_size)
    return ModelShape(
        weight_bytes=metadata.tensor_bytes,
        num_layers=num_layers,
        num_embd=num_embd,
        num_ff=max(
            numbers.largest("feed_forward_length", 0),
            numbers.one("expert_feed_forward_length", 0) * numbers.one("expert_used_count", 1),
        ),
        num_heads=num_heads,
        num_vocab=numbers.num_vocab(),
        kv_elements=0
        if is_encoder(metadata.architecture)
        else numbers.over_layers("attention.head_count_kv", num_layers, num_heads) * key_value_size,
        state_elements=num_layers * _state_elements(numbers),
        input_bytes=metadata.input_bytes,
        output_bytes=metadata.output_bytes,
    )


def _state_elements(numbers: "_Numbers") -> int:
    """Of one layer with a state-space model (Mamba and its relatives)."""
    inner, state = numbers.one("ssm.inner_size", 0), numbers.one("ssm.state_size", 0)
    convolved = inner + 2 * numbers.one("ssm.group_count", 0) * state
    return inner * state + max(numbers.one("ssm.conv_kernel", 1) - 1, 0) * convolved


class _Numbers:
    def __init__(self, metadata: GGUFMetadata) -> None:
        self._values = metadata.values
        self._architecture = metadata.architecture

    def one(self, key: str, default: int) -> int:
        return _number(self._get(key), default)

    def largest(self, key: str, default: int) -> int:
        """Of a number that may be given for each layer."""
        value = self._get(key)
        if isinstance(value, list):
            return max((_number(item, 0) for item in value), default=default)
        return _number(value, default)

    def over_layers(self, key: str, num_layers: int, default: int) -> int:
        """The sum over all layers of a number that may be given once or for each."""
        value = self._get(key)
        if isinstance(value, list):
            return sum(_number(item, 0) for item in value)
        return num_layers * _number(value, default)

    def num_vocab(self) -> int:
        tokens = self._values.get("tokenizer.ggml.tokens")
        if isinstance(tokens, list | LongArray):
            return tokens.length if isinstance(tokens, LongArray) else len(tokens)
        return self.one("vocab_size", 0)

    def _get(self, key: str) -> Any:
        return self._values.get(f"{self._architecture}.{key}")


def _number(value: Any, default: int) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if is_number else default
