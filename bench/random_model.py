"""Model files of any size with random weights: what they write means nothing, but as much is computed for it as by a trained
model of that shape, and the same each time."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

Array = np.ndarray[Any, Any]

#: Type, by name: bytes of a block of 32 weights beside its scale, the spread of the numbers in it, and llama_ftype's number.
KINDS = {"Q4_0": (16, 4.61, 2), "Q8_0": (32, 73.9, 7)}
_BLOCK = 32


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A decoder of Llama's kind."""

    num_layers: int
    num_embd: int
    num_ff: int
    num_heads: int
    num_kv_heads: int
    num_ctx: int = 32_768

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of each in a layer."""
        kv = self.num_embd // self.num_heads * self.num_kv_heads
        return {
            "attn_q": (self.num_embd, self.num_embd), "attn_k": (kv, self.num_embd), "attn_v": (kv, self.num_embd),
            "attn_output": (self.num_embd, self.num_embd), "ffn_gate": (self.num_ff, self.num_embd),
            "ffn_up": (self.num_ff, self.num_embd), "ffn_down": (self.num_embd, self.num_ff),
        }  # fmt: skip


SHAPES = {
    "tiny": Shape(num_layers=4, num_embd=256, num_ff=512, num_heads=4, num_kv_heads=1),
    "small": Shape(num_layers=12, num_embd=768, num_ff=2048, num_heads=12, num_kv_heads=3),
    "2b": Shape(num_layers=28, num_embd=2048, num_ff=8192, num_heads=16, num_kv_heads=4),
    "8b": Shape(num_layers=32, num_embd=4096, num_ff=14_336, num_heads=32, num_kv_heads=8),
}


def write_random_model(path: Path, shape: Shape, kind: str, vocabulary: Path, *, seed: int = 1, name: str = "random") -> None:
    """`vocabulary` is a GGUF of which the tokens are taken, and nothing else."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_file_type(KINDS[kind][2])
    writer.add_context_length(shape.num_ctx)
    writer.add_embedding_length(shape.num_embd)
    writer.add_block_count(shape.num_layers)
    writer.add_feed_forward_length(shape.num_ff)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.num_embd // shape.num_heads)
    num_vocab = _copy_vocabulary(writer, vocabulary)
    writer.add_vocab_size(num_vocab)

    def add(tensor: str, rows: int, columns: int, scale: float = 1.0) -> None:
        raw = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(f"{tensor}.weight", _blocks(rng, rows, columns, kind, scale), raw_dtype=raw)

    add("token_embd", num_vocab, shape.num_embd, math.sqrt(shape.num_embd))
    # So far apart that most tokens are likely or not, as in a trained model.
    add("output", num_vocab, shape.num_embd, 3.0)
    writer.add_tensor("output_norm.weight", np.ones(shape.num_embd, np.float32))
    for layer in range(shape.num_layers):
        for tensor, (rows, columns) in shape.matrices().items():
            add(f"blk.{layer}.{tensor}", rows, columns)
        for tensor in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{tensor}.weight", np.ones(shape.num_embd, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _blocks(rng: np.random.Generator, rows: int, columns: int, kind: str, scale: float) -> Array:
    """Blocks of 32 random weights, so that a row's product with a vector of ones is about as large as that."""
    num_bytes, spread, _ = KINDS[kind]
    blocks = np.empty((rows, columns // _BLOCK, 2 + num_bytes), np.uint8)
    blocks[..., :2] = np.array([scale / math.sqrt(columns) / spread], np.float16).view(np.uint8)
    blocks[..., 2:] = rng.integers(0, 256, (rows, columns // _BLOCK, num_bytes), np.uint8)
    return blocks.reshape(rows, -1)


def _copy_vocabulary(writer: gguf.GGUFWriter, source: Path) -> int:
    num_tokens = 0
    for name, field in gguf.GGUFReader(source).fields.items():
        if not name.startswith("tokenizer."):
            continue
        kind = field.types[0]
        element = field.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
        value = field.contents()
        writer.add_key_value(name, value, kind, sub_type=element)
        if name == "tokenizer.ggml.tokens":
            num_tokens = len(value)
    return num_tokens
