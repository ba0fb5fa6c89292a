"""Embedding and rerank models of a few thousand random weights: what they say means nothing, how they are computed is real."""

from pathlib import Path

import gguf
import numpy as np

WORDS = ["one", "two", "three", "four", "five", "six", "red", "green", "blue", "cat", "dog", "sun", "moon", "is", "the", "a"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"\u2581{word}" for word in WORDS), "s", "ly"]
_PAD, _UNK, _CLS, _SEP, _MASK = range(5)
NUM_EMBD = 32
NUM_CTX = 64
#: How far one value may lie from itself when something else is computed beside it. Some processors compute large batches with
#: numbers of 16 bits: 1e-4 was seen, where others differ by 1e-8.
SAME = 5e-3
_NUM_HEADS = 2
_NUM_LAYERS = 2
_NUM_FF = 64
POOLINGS = {
    "mean": gguf.PoolingType.MEAN,
    "cls": gguf.PoolingType.CLS,
    "last": gguf.PoolingType.LAST,
    "rank": gguf.PoolingType.RANK,
}


def write_bert(path: Path, pooling: str | None) -> Path:
    """An encoder without a KV cache, of the kind that most embedding models are."""
    writer = _writer(path, "bert", pooling)
    writer.add_causal_attention(False)
    writer.add_layer_norm_eps(1e-12)
    tensors = _Tensors(writer)
    tensors.add("token_types.weight", 2, NUM_EMBD)
    tensors.add("position_embd.weight", NUM_CTX, NUM_EMBD)
    tensors.add_norm("token_embd_norm", has_bias=True)
    for layer in range(_NUM_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors.add(f"{block}.{name}.weight", NUM_EMBD, NUM_EMBD)
            tensors.add(f"{block}.{name}.bias", NUM_EMBD)
        tensors.add(f"{block}.ffn_up.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_up.bias", _NUM_FF)
        tensors.add(f"{block}.ffn_down.weight", NUM_EMBD, _NUM_FF)
        tensors.add(f"{block}.ffn_down.bias", NUM_EMBD)
        tensors.add_norm(f"{block}.attn_output_norm", has_bias=True)
        tensors.add_norm(f"{block}.layer_output_norm", has_bias=True)
    if pooling == "rank":
        tensors.add("cls.weight", NUM_EMBD, NUM_EMBD)
        tensors.add("cls.bias", NUM_EMBD)
        tensors.add("cls.output.weight", 1, NUM_EMBD)
        tensors.add("cls.output.bias", 1)
    return _finish(writer, path)


def write_llama(
    path: Path,
    pooling: str | None,
    *,
    num_ctx: int = NUM_CTX,
    rerank_template: str | None = None,
    chat_template: str | None = None,
    infill_tokens: tuple[int, int, int] | None = None,
) -> Path:
    """A decoder with a KV cache, of the kind that larger embedding models are. `infill_tokens` stand before the text before a
    gap, before the text after it, and where the gap is to be filled."""
    writer = _writer(path, "llama", pooling, num_ctx)
    for name, token in zip(("pre", "suf", "mid"), infill_tokens or (), strict=False):
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", token)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    if rerank_template is not None:
        writer.add_chat_template([{"name": "rerank", "template": rerank_template}])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(NUM_EMBD // _NUM_HEADS)
    tensors = _Tensors(writer)
    tensors.add_norm("output_norm", has_bias=False)
    for layer in range(_NUM_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors.add(f"{block}.{name}.weight", NUM_EMBD, NUM_EMBD)
        tensors.add(f"{block}.ffn_gate.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_up.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_down.weight", NUM_EMBD, _NUM_FF)
        tensors.add_norm(f"{block}.attn_norm", has_bias=False)
        tensors.add_norm(f"{block}.ffn_norm", has_bias=False)
    return _finish(writer, path)


def write_qwen2vl(path: Path) -> Path:
    """A model whose positions have several dimensions, so that an image can be a plane among its tokens."""
    writer = _writer(path, "qwen2vl", None, 512)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(NUM_EMBD // _NUM_HEADS)
    writer.add_rope_dimension_sections([2, 3, 3, 0])
    tensors = _Tensors(writer)
    tensors.add_norm("output_norm", has_bias=False)
    for layer in range(_NUM_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v"):
            tensors.add(f"{block}.{name}.weight", NUM_EMBD, NUM_EMBD)
            tensors.add(f"{block}.{name}.bias", NUM_EMBD)
        tensors.add(f"{block}.attn_output.weight", NUM_EMBD, NUM_EMBD)
        tensors.add(f"{block}.ffn_gate.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_up.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_down.weight", NUM_EMBD, _NUM_FF)
        tensors.add_norm(f"{block}.attn_norm", has_bias=False)
        tensors.add_norm(f"{block}.ffn_norm", has_bias=False)
    return _finish(writer, path)


def write_mamba(path: Path) -> Path:
    """A model with a running state in place of one for each token: its past cannot be cut."""
    inner, state, rank, kernel = 2 * NUM_EMBD, 16, 2, 4
    writer = _writer(path, "mamba", None, 2048)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_ssm_conv_kernel(kernel)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(rank)
    tensors = _Tensors(writer)
    tensors.add_norm("output_norm", has_bias=False)
    for layer in range(_NUM_LAYERS):
        block = f"blk.{layer}"
        tensors.add_norm(f"{block}.attn_norm", has_bias=False)
        tensors.add(f"{block}.ssm_in.weight", 2 * inner, NUM_EMBD)
        tensors.add(f"{block}.ssm_conv1d.weight", inner, kernel)
        tensors.add(f"{block}.ssm_conv1d.bias", inner)
        tensors.add(f"{block}.ssm_x.weight", rank + 2 * state, inner)
        tensors.add(f"{block}.ssm_dt.weight", inner, rank)
        tensors.add(f"{block}.ssm_dt.bias", inner)
        writer.add_tensor(f"{block}.ssm_a", -np.ones((inner, state), np.float32))
        tensors.add(f"{block}.ssm_d", inner)
        tensors.add(f"{block}.ssm_out.weight", NUM_EMBD, inner)
    return _finish(writer, path)


def write_gemma(path: Path, *, window: int) -> Path:
    """A model of which one layer sees the whole past and the other only the last `window` tokens."""
    writer = _writer(path, "gemma3", None, 2048)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_key_length(NUM_EMBD // _NUM_HEADS)
    writer.add_value_length(NUM_EMBD // _NUM_HEADS)
    writer.add_sliding_window(window)
    writer.add_sliding_window_pattern(2)
    tensors = _Tensors(writer)
    tensors.add_norm("output_norm", has_bias=False)
    for layer in range(_NUM_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors.add(f"{block}.{name}.weight", NUM_EMBD, NUM_EMBD)
        for name in ("attn_q_norm", "attn_k_norm"):
            tensors.add(f"{block}.{name}.weight", NUM_EMBD // _NUM_HEADS)
        tensors.add(f"{block}.ffn_gate.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_up.weight", _NUM_FF, NUM_EMBD)
        tensors.add(f"{block}.ffn_down.weight", NUM_EMBD, _NUM_FF)
        for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            tensors.add_norm(f"{block}.{name}", has_bias=False)
    return _finish(writer, path)


class _Tensors:
    """Random weights, the same at each call."""

    def __init__(self, writer: gguf.GGUFWriter) -> None:
        self._writer = writer
        self._random = np.random.default_rng(7)
        self.add("token_embd.weight", len(VOCABULARY), NUM_EMBD)

    def add(self, name: str, *shape: int) -> None:
        self._writer.add_tensor(name, self._random.normal(0, 0.3, shape).astype(np.float32))

    def add_norm(self, name: str, *, has_bias: bool) -> None:
        self._writer.add_tensor(f"{name}.weight", np.ones(NUM_EMBD, np.float32))
        if has_bias:
            self._writer.add_tensor(f"{name}.bias", np.zeros(NUM_EMBD, np.float32))


def _writer(path: Path, architecture: str, pooling: str | None, num_ctx: int = NUM_CTX) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(num_ctx)
    writer.add_embedding_length(NUM_EMBD)
    writer.add_block_count(_NUM_LAYERS)
    writer.add_feed_forward_length(_NUM_FF)
    writer.add_head_count(_NUM_HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if pooling is not None:
        writer.add_pooling_type(POOLINGS[pooling])
    if pooling == "rank":
        writer.add_classifier_output_labels(["score"])
    _add_vocabulary(writer)
    return writer


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([gguf.TokenType.CONTROL] * 5 + [gguf.TokenType.NORMAL] * (len(VOCABULARY) - 5))
    writer.add_token_type_count(2)
    writer.add_bos_token_id(_CLS)
    writer.add_unk_token_id(_UNK)
    writer.add_sep_token_id(_SEP)
    writer.add_pad_token_id(_PAD)
    writer.add_mask_token_id(_MASK)


def _finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
