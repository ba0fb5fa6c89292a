"""Model files that are made for measuring: of any shape and type of weights, all of which are zero."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

#: The least that a vocabulary of llama.cpp's "SPM" kind has: a token for each byte.
_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
_TOKEN_TYPES = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *[gguf.TokenType.BYTE] * 256]
_NUM_CTX = 512


@dataclass(frozen=True, kw_only=True)
class BlankModel:
    """The sizes of a decoder of Llama's kind."""

    num_embd: int
    num_ff: int
    num_heads: int
    num_layers: int = 1

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of each matrix in a layer."""
        square = (self.num_embd, self.num_embd)
        wide, narrow = (self.num_ff, self.num_embd), (self.num_embd, self.num_ff)
        return dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), square) | {
            "ffn_gate": wide,
            "ffn_up": wide,
            "ffn_down": narrow,
        }

    def layer_bytes(self, kind: str) -> int:
        return sum(_num_bytes(shape, kind) for shape in self.matrices().values())

    def with_layers_for(self, num_bytes: int, kind: str) -> "BlankModel":
        """As many layers as come nearest to so many bytes, at least one."""
        return dataclasses.replace(self, num_layers=max(1, round(num_bytes / self.layer_bytes(kind))))


def write_blank_model(path: Path, model: BlankModel, kind: str) -> int:
    """Bytes of its matrices. The file's zeros take no room where the file system knows holes."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(_NUM_CTX)
    writer.add_embedding_length(model.num_embd)
    writer.add_block_count(model.num_layers)
    writer.add_feed_forward_length(model.num_ff)
    writer.add_head_count(model.num_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(model.num_embd // model.num_heads)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(_TOKENS)
    writer.add_token_scores([0.0] * len(_TOKENS))
    writer.add_token_types(_TOKEN_TYPES)
    _add_tensors(writer, model, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    assert writer.fout is not None
    (file,) = writer.fout
    size = file.tell() + sum(
        gguf.GGUFWriter.ggml_pad(tensor.nbytes, writer.data_alignment) for part in writer.tensors for tensor in part.values()
    )
    file.truncate(gguf.GGUFWriter.ggml_pad(size, writer.data_alignment) + writer.data_alignment)
    writer.close()
    return model.num_layers * model.layer_bytes(kind)


def _add_tensors(writer: gguf.GGUFWriter, model: BlankModel, kind: str) -> None:
    def add(name: str, *shape: int, kind: str = "F32") -> None:
        raw = gguf.GGMLQuantizationType[kind]
        block, size = gguf.GGML_QUANT_SIZES[raw]
        # The package wants the shape in bytes where the weights come in blocks.
        bytes_shape = (*shape[:-1], shape[-1] // block * size)
        writer.add_tensor_info(f"{name}.weight", bytes_shape, np.dtype(np.uint8), math.prod(bytes_shape), raw_dtype=raw)

    add("token_embd", len(_TOKENS), model.num_embd)
    add("output_norm", model.num_embd)
    for layer in range(model.num_layers):
        for name, shape in model.matrices().items():
            add(f"blk.{layer}.{name}", *shape, kind=kind)
        add(f"blk.{layer}.attn_norm", model.num_embd)
        add(f"blk.{layer}.ffn_norm", model.num_embd)


def _num_bytes(shape: tuple[int, int], kind: str) -> int:
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    return math.prod(shape) // block * size
