"""Tiny models as Hugging Face's libraries write them, and what a Llama computes, written from its published description."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

NUM_EMBD, NUM_HEADS, NUM_KV_HEADS, NUM_FF, NUM_LAYERS, HEAD = 32, 4, 2, 48, 2, 8
Array = np.ndarray[Any, Any]


def safetensors(tensors: dict[str, Array], kinds: dict[str, str] | None = None) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in tensors.items():
        kind = (kinds or {}).get(name, "F32")
        content = brain(array) if kind == "BF16" else array.astype({"F32": "<f4", "F16": "<f2"}[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def brain(array: Array) -> bytes:
    """The upper halves of float32."""
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def llama_tensors(num_tokens: int, *, seed: int = 5) -> dict[str, Array]:
    random = np.random.default_rng(seed)

    def matrix(*shape: int) -> Array:
        # Numbers that F16 holds exactly.
        return random.normal(0, 0.3, shape).astype(np.float16).astype(np.float32)

    tensors = {"model.embed_tokens.weight": matrix(num_tokens, NUM_EMBD), "model.norm.weight": matrix(NUM_EMBD) + 1}
    tensors["lm_head.weight"] = matrix(num_tokens, NUM_EMBD)
    for layer in range(NUM_LAYERS):
        block = f"model.layers.{layer}"
        tensors[f"{block}.self_attn.q_proj.weight"] = matrix(NUM_HEADS * HEAD, NUM_EMBD)
        tensors[f"{block}.self_attn.k_proj.weight"] = matrix(NUM_KV_HEADS * HEAD, NUM_EMBD)
        tensors[f"{block}.self_attn.v_proj.weight"] = matrix(NUM_KV_HEADS * HEAD, NUM_EMBD)
        tensors[f"{block}.self_attn.o_proj.weight"] = matrix(NUM_EMBD, NUM_HEADS * HEAD)
        tensors[f"{block}.mlp.gate_proj.weight"] = matrix(NUM_FF, NUM_EMBD)
        tensors[f"{block}.mlp.up_proj.weight"] = matrix(NUM_FF, NUM_EMBD)
        tensors[f"{block}.mlp.down_proj.weight"] = matrix(NUM_EMBD, NUM_FF)
        tensors[f"{block}.input_layernorm.weight"] = matrix(NUM_EMBD) + 1
        tensors[f"{block}.post_attention_layernorm.weight"] = matrix(NUM_EMBD) + 1
    return tensors


def llama_config(**changes: Any) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"], "hidden_size": NUM_EMBD, "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": NUM_HEADS, "num_key_value_heads": NUM_KV_HEADS, "intermediate_size": NUM_FF,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 500.0, "bos_token_id": 1, "eos_token_id": 2,
        **changes,
    }  # fmt: skip


def llama_logprobs(tensors: dict[str, Array], tokens: list[int], *, theta: float = 500.0, epsilon: float = 1e-5) -> Array:
    """Natural logarithms of the probabilities of what follows the tokens."""
    hidden = tensors["model.embed_tokens.weight"][tokens]
    angles = np.outer(np.arange(len(tokens)), theta ** -(np.arange(0, HEAD, 2) / HEAD))
    turns = np.concatenate([angles, angles], axis=1)[:, None, :]

    def norm(values: Array, name: str) -> Array:
        return values / np.sqrt((values**2).mean(-1, keepdims=True) + epsilon) * tensors[name]

    def turn(heads: Array) -> Array:
        half = np.concatenate([-heads[..., HEAD // 2 :], heads[..., : HEAD // 2]], axis=-1)
        return heads * np.cos(turns) + half * np.sin(turns)

    for layer in range(NUM_LAYERS):
        block = f"model.layers.{layer}"
        values = norm(hidden, f"{block}.input_layernorm.weight")
        query, key, value = (
            (values @ tensors[f"{block}.self_attn.{name}_proj.weight"].T).reshape(len(tokens), -1, HEAD) for name in "qkv"
        )
        query, key = turn(query), np.repeat(turn(key), NUM_HEADS // NUM_KV_HEADS, axis=1)
        value = np.repeat(value, NUM_HEADS // NUM_KV_HEADS, axis=1)
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(HEAD)
        scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        attended = np.einsum("hqk,khd->qhd", weights, value).reshape(len(tokens), -1)
        hidden = hidden + attended @ tensors[f"{block}.self_attn.o_proj.weight"].T
        values = norm(hidden, f"{block}.post_attention_layernorm.weight")
        gate = values @ tensors[f"{block}.mlp.gate_proj.weight"].T
        up = values @ tensors[f"{block}.mlp.up_proj.weight"].T
        hidden = hidden + (gate / (1 + np.exp(-gate)) * up) @ tensors[f"{block}.mlp.down_proj.weight"].T
    logits = norm(hidden, "model.norm.weight")[-1] @ tensors["lm_head.weight"].T
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def byte_tokens() -> list[str]:
    """GPT-2's letters for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def bpe_tokenizer() -> dict[str, Any]:
    """256 bytes, a few merges, and two special tokens before them."""
    tokens = ["<unk>", "<s>", "</s>", *byte_tokens(), "th", "the", "\u0120the", "12"]
    return {
        "added_tokens": [
            {"id": number, "content": tokens[number], "special": True} for number in range(3)
        ],
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "use_regex": True}],
        },
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": ["t h", "th e", "\u0120 the", "1 2"],
        },
    }  # fmt: skip


def write_llama_folder(folder: Path, *, kind: str = "F32", **changes: Any) -> dict[str, Array]:
    """Its tensors, in the precision they were written with."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = bpe_tokenizer()
    tensors = llama_tensors(len(tokenizer["model"]["vocab"]))
    kinds = dict.fromkeys(tensors, kind)
    (folder / "model.safetensors").write_bytes(safetensors(tensors, kinds))
    (folder / "config.json").write_text(json.dumps(llama_config(**changes)))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": False, "chat_template": "{{ messages }}"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if kind == "BF16":
        return {name: (array.view("<u4") >> 16 << 16).view("<f4") for name, array in tensors.items()}
    return tensors
