"""A model that writes what it was given to write: its weights know nothing but positions, so that the length of the prompt says
which of several texts comes. Its vocabulary is that of gpt-oss in small: bytes, and Harmony's marks."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np

from inference.harmony import CALL, MARKS, RETURN

NUM_CTX = 2048
_END_OF_TEXT = "<|endoftext|>"
#: GPT-2's way to write bytes as characters: those that can be seen stand for themselves, the others follow behind them.
_SEEN = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_BYTES = {byte: chr(byte) for byte in _SEEN} | {
    byte: chr(0x100 + index) for index, byte in enumerate(byte for byte in range(256) if byte not in _SEEN)
}
VOCABULARY = [*(_BYTES[byte] for byte in range(256)), "qq", _END_OF_TEXT, *MARKS]
_TOKENS = {text: token for token, text in enumerate(VOCABULARY)}


def tokens_of(text: str) -> list[int]:
    """Bytes, and marks where they are written out; `<|return|>` at the end unless the text ends the answer itself."""
    tokens: list[int] = []
    while text:
        mark = next((mark for mark in MARKS if text.startswith(mark)), "")
        tokens += [_TOKENS[mark]] if mark else [_TOKENS[_BYTES[byte]] for byte in text[0].encode()]
        text = text[len(mark) or 1 :]
    ends = (_TOKENS[RETURN], _TOKENS[CALL])
    return tokens if tokens and tokens[-1] in ends else [*tokens, ends[0]]


def write_scripted(path: Path, scripts: Mapping[int, str], *, chat_template: str | None) -> Path:
    """`scripts` by the number of tokens of the prompt that each is the answer to. After any other prompt the answer is empty."""
    num_tokens = len(VOCABULARY)
    positions = np.zeros((NUM_CTX, num_tokens), np.float32)
    positions[:, _TOKENS[RETURN]] = 1
    for start, text in scripts.items():
        for place, token in enumerate(tokens_of(text), start - 1):
            positions[place] = 0
            positions[place, token] = 1
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_context_length(NUM_CTX)
    writer.add_embedding_length(num_tokens)
    writer.add_block_count(1)
    writer.add_feed_forward_length(4)
    writer.add_head_count(1)
    writer.add_layer_norm_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    _add_vocabulary(writer)
    _add_tensors(writer, positions)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list(VOCABULARY)
    num_special = len(MARKS) + 1
    kinds = [gguf.TokenType.NORMAL] * (len(VOCABULARY) - num_special) + [gguf.TokenType.CONTROL] * num_special
    writer.add_token_types(kinds)
    writer.add_token_merges(["q q"])
    writer.add_eos_token_id(_TOKENS[RETURN])
    writer.add_pad_token_id(_TOKENS[_END_OF_TEXT])
    writer.add_add_bos_token(False)


def _add_tensors(writer: gguf.GGUFWriter, positions: np.ndarray) -> None:
    """What a position means goes through untouched: everything between it and the output adds nothing."""
    width = positions.shape[1]
    shapes = {"attn_qkv": (3 * width, width), "attn_output": (width, width), "ffn_up": (4, width), "ffn_down": (width, 4)}
    writer.add_tensor("token_embd.weight", np.zeros((width, width), np.float32))
    writer.add_tensor("position_embd.weight", positions)
    writer.add_tensor("output.weight", np.eye(width, dtype=np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))
    for name, shape in shapes.items():
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros(shape, np.float32))
        writer.add_tensor(f"blk.0.{name}.bias", np.zeros(shape[0], np.float32))
