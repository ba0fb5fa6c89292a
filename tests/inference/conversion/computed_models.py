"""Safetensors folders of a few thousand random weights, and what their models compute by the papers."""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = dict[str, Array]

WIDTH, INNER, LAYERS, HEADS = 32, 64, 2, 4
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "##s", "runs", "caf\u00e9", "cafe"]
BERT = {
    "architectures": ["BertModel"], "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "max_position_embeddings": 64, "type_vocab_size": 2, "vocab_size": len(WORDS),
    "hidden_act": "gelu", "layer_norm_eps": 1e-12,
}  # fmt: skip
#: Without the vocabulary's size, which depends on the tokenizer.
LLAMA = {
    "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
}  # fmt: skip


def encode(kind: str, values: Array) -> bytes:
    if kind == "BF16":
        return bytes((values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes())
    return bytes(values.astype({"F32": "<f4", "F16": "<f2", "I64": "<i8"}[kind]).tobytes())


def safetensors(weights: Mapping[str, Array], kind: str = "F32") -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in weights.items():
        kind_here = "I64" if values.dtype == np.int64 else kind
        content = encode(kind_here, values)
        header[name] = {"dtype": kind_here, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def write_folder(folder: Path, files: Mapping[str, Any]) -> dict[str, Path]:
    """Bytes and texts as they are, the rest as JSON."""
    paths = {}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        paths[name] = path
    return paths


class Random:
    """Numbers that 8 bits of a significand hold exactly, so that no type of file rounds them."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)

    def weights(self, *shape: int, scale: float = 0.25, around: float = 0.0) -> Array:
        values = (self._random.normal(size=shape) * scale + around).astype(np.float32)
        return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def bert_weights() -> Weights:
    random = Random()
    found: Weights = {"embeddings.position_ids": np.arange(64)[None], "pooler.dense.weight": random.weights(WIDTH, WIDTH)}
    found |= {"embeddings.word_embeddings.weight": random.weights(len(WORDS), WIDTH, scale=1)}
    found["embeddings.position_embeddings.weight"] = random.weights(64, WIDTH)
    found["embeddings.token_type_embeddings.weight"] = random.weights(2, WIDTH)
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        block = f"encoder.layer.{layer}"
        norms += [f"{block}.attention.output.LayerNorm", f"{block}.output.LayerNorm"]
        parts = [f"{block}.attention.self.{part}" for part in ("query", "key", "value")]
        for name, rows, columns in (
            *((part, WIDTH, WIDTH) for part in (*parts, f"{block}.attention.output.dense")),
            (f"{block}.intermediate.dense", INNER, WIDTH),
            (f"{block}.output.dense", WIDTH, INNER),
        ):
            found[f"{name}.weight"] = random.weights(rows, columns)
            found[f"{name}.bias"] = random.weights(rows)
    for name in norms:
        found[f"{name}.weight"] = random.weights(WIDTH, around=1)
        found[f"{name}.bias"] = random.weights(WIDTH)
    return found


def bert_files(weights: Weights | None = None, kind: str = "F32", **config: Any) -> dict[str, Any]:
    tokenizer = {
        "model": {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": {word: i for i, word in enumerate(WORDS)}},
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
    }
    return {
        "config.json": {**BERT, **config},
        "tokenizer.json": tokenizer,
        "model.safetensors": safetensors(bert_weights() if weights is None else weights, kind),
    }


def embed(weights: Weights, ids: list[int]) -> Array:
    """The hidden states of all tokens, by https://arxiv.org/abs/1810.04805."""

    def linear(x: Array, name: str) -> Array:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def heads(x: Array) -> Array:
        return x.reshape(len(ids), HEADS, -1).swapaxes(0, 1)

    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        block = f"encoder.layer.{layer}"
        q, k, v = (heads(linear(x, f"{block}.attention.self.{part}")) for part in ("query", "key", "value"))
        mixed = softmax(q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])) @ v
        attended = linear(mixed.swapaxes(0, 1).reshape(len(ids), WIDTH), f"{block}.attention.output.dense")
        x = norm(x + attended, f"{block}.attention.output.LayerNorm")
        inner = linear(x, f"{block}.intermediate.dense")
        inner = 0.5 * inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{block}.output.dense"), f"{block}.output.LayerNorm")
    return x


def llama_weights(vocab_size: int, *, head_width: int = 8, has_biases: bool = False, is_tied: bool = False) -> Weights:
    random = Random(1)
    found = {"model.embed_tokens.weight": random.weights(vocab_size, WIDTH, scale=1)}
    found["model.norm.weight"] = random.weights(WIDTH, around=1)
    if not is_tied:
        found["lm_head.weight"] = random.weights(vocab_size, WIDTH, scale=0.5)
    for layer in range(LAYERS):
        block = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[f"{block}.{name}.weight"] = random.weights(WIDTH, around=1)
        for part, rows in (("q", HEADS * head_width), ("k", 2 * head_width), ("v", 2 * head_width)):
            found[f"{block}.self_attn.{part}_proj.weight"] = random.weights(rows, WIDTH, scale=0.5)
            if has_biases:
                found[f"{block}.self_attn.{part}_proj.bias"] = random.weights(rows)
        found[f"{block}.self_attn.o_proj.weight"] = random.weights(WIDTH, HEADS * head_width)
        for part, rows, columns in (("gate", INNER, WIDTH), ("up", INNER, WIDTH), ("down", WIDTH, INNER)):
            found[f"{block}.mlp.{part}_proj.weight"] = random.weights(rows, columns)
    return found


def next_token_logits(weights: Weights, ids: list[int], *, head_width: int = 8, divisors: Array | None = None) -> Array:
    """By https://arxiv.org/abs/2302.13971 and https://arxiv.org/abs/2104.09864, positions turned half against half as
    transformers does. `divisors` stretch positions, frequency by frequency."""

    def norm(x: Array, name: str) -> Array:
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * weights[f"{name}.weight"]

    def linear(x: Array, name: str) -> Array:
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)

    frequencies = 10000.0 ** (-np.arange(0, head_width, 2) / head_width) / (1 if divisors is None else divisors)
    angles = np.outer(np.arange(len(ids)), np.concatenate([frequencies, frequencies]))

    def turn(x: Array) -> Array:
        half = head_width // 2
        return x * np.cos(angles) + np.concatenate([-x[..., half:], x[..., :half]], -1) * np.sin(angles)

    def heads(x: Array, count: int) -> Array:
        return np.repeat(x.reshape(len(ids), count, head_width).swapaxes(0, 1), HEADS // count, axis=0)

    x = weights["model.embed_tokens.weight"][ids]
    future = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
    for layer in range(LAYERS):
        block = f"model.layers.{layer}"
        y = norm(x, f"{block}.input_layernorm")
        q = turn(heads(linear(y, f"{block}.self_attn.q_proj"), HEADS))
        k = turn(heads(linear(y, f"{block}.self_attn.k_proj"), 2))
        v = heads(linear(y, f"{block}.self_attn.v_proj"), 2)
        mixed = softmax(q @ k.swapaxes(1, 2) / math.sqrt(head_width) + future) @ v
        x = x + linear(mixed.swapaxes(0, 1).reshape(len(ids), -1), f"{block}.self_attn.o_proj")
        y = norm(x, f"{block}.post_attention_layernorm")
        gate = linear(y, f"{block}.mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(y, f"{block}.mlp.up_proj"), f"{block}.mlp.down_proj")
    last = norm(x, "model.norm")[-1]
    return last @ weights.get("lm_head.weight", weights["model.embed_tokens.weight"]).T


def softmax(x: Array) -> Array:
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def log_softmax(x: Array) -> Array:
    return x - x.max() - np.log(np.exp(x - x.max()).sum())


#: In the order in which they are merged: "\u2581ab" and "\u2581ca" are one token each.
PIECES = ["\u2581a", "ab", "\u2581ab", "ca", "\u2581ca"]
SINGLE = ["\u2581", "a", "b", "c", "d"]
PIECE_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES, *SINGLE]


def sentencepiece_model(model_type: int = 2) -> bytes:
    """tokenizer.model, a protocol buffer."""
    content = b""
    for index, token in enumerate(PIECE_TOKENS):
        kind = {0: 2, 1: 3, 2: 3}.get(index, 6 if index < 259 else 1)
        score = -float(PIECES.index(token)) if token in PIECES else -100.0 if token in SINGLE else 0.0
        piece = _field(1, token.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])
        content += _field(1, piece)
    return content + _field(2, b"\x18" + bytes([model_type])) + _field(3, b"\x18\x01")


def _field(number: int, content: bytes) -> bytes:
    length = len(content)
    encoded = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + encoded + content


def piece_tokenizer() -> dict[str, Any]:
    """The same vocabulary as a tokenizer.json."""
    merges = [["\u2581", "a"], ["a", "b"], ["\u2581a", "b"], ["c", "a"], ["\u2581", "ca"]]
    return {
        "added_tokens": [{"id": index, "content": PIECE_TOKENS[index], "special": True} for index in range(3)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]},
        "model": {"type": "BPE", "byte_fallback": True, "vocab": {t: i for i, t in enumerate(PIECE_TOKENS)}, "merges": merges},
    }


def byte_symbols() -> list[str]:
    """GPT-2's letters for bytes: those that can be seen are themselves."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in seen]
    letters = {byte: chr(byte) for byte in seen} | {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


BYTE_TOKENS = [*byte_symbols(), "ab", "\u0120c", "<|end|>"]


def byte_tokenizer(pre_tokenizer: Any) -> dict[str, Any]:
    vocabulary = {token: index for index, token in enumerate(BYTE_TOKENS[:-1])}
    return {
        "added_tokens": [{"id": len(BYTE_TOKENS) - 1, "content": "<|end|>", "special": True}],
        "pre_tokenizer": pre_tokenizer,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": ["a b", "\u0120 c"]},
    }
