"""What a GGUF file says about itself, read without its tensors' data.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inference.library.gguf_reader import Header, read_header

#: llama.cpp, enum llama_pooling_type
_POOLING_RANK = 4

# llama.cpp, enum llama_ftype
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}  # fmt: skip

#: As llama.cpp names them in every architecture.
_INPUT_TENSOR, _OUTPUT_TENSOR = "token_embd.weight", "output.weight"

#: Architectures of llama.cpp that read a whole text at once and write none.
_ENCODERS = frozenset({
    "bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert",
    "nomic-bert-moe", "t5encoder",
})  # fmt: skip


@dataclass(frozen=True)
class GGUFMetadata:
    """`values` holds the key-value pairs of the header; numbers that a hostile file could fake are read through properties."""

    version: int
    num_tensors: int
    #: Elements over all tensors.
    num_parameters: int
    values: dict[str, Any] = field(default_factory=dict)
    #: Of all tensors; never more than the file has.
    tensor_bytes: int = 0
    #: By which the file is shorter than its tensors need.
    missing_bytes: int = 0
    #: Of the matrix in which tokens are looked up, and of the one that makes logits, if that is another.
    input_bytes: int = 0
    output_bytes: int = 0

    @property
    def architecture(self) -> str:
        value = self.values.get("general.architecture")
        return value if isinstance(value, str) else ""

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None when the file does not say."""
        value = self.values.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def is_embedding(self) -> bool:
        """The model pools its output into one vector and writes no text."""
        return f"{self.architecture}.pooling_type" in self.values or is_encoder(self.architecture)

    @property
    def is_reranker(self) -> bool:
        """The model scores pairs of texts."""
        return self.values.get(f"{self.architecture}.pooling_type") == _POOLING_RANK

    @property
    def embedding_length(self) -> int | None:
        """Numbers in a token's vector; None when the file does not say."""
        value = self.values.get(f"{self.architecture}.embedding_length")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def file_type(self) -> str:
        """The quantization, such as "Q4_K_M"; "unknown" when the file does not say."""
        value = self.values.get("general.file_type")
        return _FILE_TYPES.get(value, "unknown") if isinstance(value, int) else "unknown"


def is_encoder(architecture: str) -> bool:
    """Whether models of this architecture give vectors only, whatever else the file says."""
    return architecture in _ENCODERS


def read_metadata(path: Path) -> GGUFMetadata:
    """Raises `GGUFError` for anything that is no complete GGUF header, and for a file that cannot be read."""
    return metadata_of(read_header(path))


def joined(parts: Sequence[GGUFMetadata]) -> GGUFMetadata:
    """What the parts of a split model say together; the values are those of the first."""
    return replace(
        parts[0],
        num_tensors=sum(part.num_tensors for part in parts),
        num_parameters=sum(part.num_parameters for part in parts),
        tensor_bytes=sum(part.tensor_bytes for part in parts),
        missing_bytes=max(part.missing_bytes for part in parts),
        input_bytes=sum(part.input_bytes for part in parts),
        output_bytes=sum(part.output_bytes for part in parts),
    )


def metadata_of(header: Header) -> GGUFMetadata:
    return GGUFMetadata(
        header.version,
        len(header.tensors),
        sum(tensor.num_elements for tensor in header.tensors),
        header.values,
        tensor_bytes=header.tensor_bytes,
        missing_bytes=header.missing_bytes,
        input_bytes=header.bytes_of(_INPUT_TENSOR),
        output_bytes=header.bytes_of(_OUTPUT_TENSOR),
    )
