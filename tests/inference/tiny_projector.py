"""Image encoders of a few thousand random weights: what they see means nothing, how they are computed is real."""

from pathlib import Path

import gguf
import numpy as np

from tests.inference.tiny_models import NUM_EMBD

IMAGE_SIDE = 32
PATCH_SIDE = 8
#: Tokens of one image, whatever its size.
NUM_IMAGE_TOKENS = (IMAGE_SIDE // PATCH_SIDE) ** 2
_VISION_EMBD = 32
_NUM_FF = 32
#: The last one is not used: a LLaVA projector takes what the one before it says.
_NUM_LAYERS = 2


def write_projector(path: Path, *, num_text_embd: int = NUM_EMBD) -> Path:
    """A vision transformer and two layers on top of it, as LLaVA has them, for a text model of that many dimensions."""
    return _write(path, "mlp", num_text_embd)


def write_qwen_projector(path: Path) -> Path:
    """One that sees an image at its own size, in four patches a token, as Qwen2-VL does."""
    return _write(path, "qwen2vl_merger", NUM_EMBD)


def write_gemma_projector(path: Path) -> Path:
    """One whose tokens, four patches each, see each other in the text model too, as Gemma 3's do."""
    return _write(path, "gemma3", NUM_EMBD)


def _write(path: Path, kind: str, num_text_embd: int) -> Path:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    for key, value in {
        "image_size": IMAGE_SIDE,
        "patch_size": PATCH_SIDE,
        "embedding_length": _VISION_EMBD,
        "feed_forward_length": _NUM_FF,
        "block_count": _NUM_LAYERS,
        "attention.head_count": 2,
        "projection_dim": num_text_embd,
        "projector.scale_factor": 2,
    }.items():
        writer.add_uint32(f"clip.vision.{key}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    _add_tensors(writer, kind, num_text_embd)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tensors(writer: gguf.GGUFWriter, kind: str, num_text_embd: int) -> None:
    random = np.random.default_rng(11)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.normal(0, 0.3, shape).astype(np.float32))

    def add_linear(name: str, num_out: int, num_in: int) -> None:
        add(f"{name}.weight", num_out, num_in)
        add(f"{name}.bias", num_out)

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(_VISION_EMBD, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(_VISION_EMBD, np.float32))

    add("v.patch_embd.weight", _VISION_EMBD, 3, PATCH_SIDE, PATCH_SIDE)
    if kind == "mlp":
        add("v.class_embd", _VISION_EMBD)
        add("v.position_embd.weight", NUM_IMAGE_TOKENS + 1, _VISION_EMBD)
        add_norm("v.pre_ln")
    elif kind == "gemma3":
        add("v.position_embd.weight", NUM_IMAGE_TOKENS, _VISION_EMBD)
        add("mm.input_projection.weight", _VISION_EMBD, num_text_embd)
        writer.add_tensor("mm.soft_emb_norm.weight", np.ones(_VISION_EMBD, np.float32))
        add_norm("v.post_ln")
    else:
        add("v.patch_embd.weight.1", _VISION_EMBD, 3, PATCH_SIDE, PATCH_SIDE)
        add_norm("v.post_ln")
    for layer in range(_NUM_LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            add_linear(f"v.blk.{layer}.{name}", _VISION_EMBD, _VISION_EMBD)
        add_linear(f"v.blk.{layer}.ffn_up", _NUM_FF, _VISION_EMBD)
        add_linear(f"v.blk.{layer}.ffn_down", _VISION_EMBD, _NUM_FF)
        add_norm(f"v.blk.{layer}.ln1")
        add_norm(f"v.blk.{layer}.ln2")
    if kind == "gemma3":
        return
    add_linear("mm.0", num_text_embd, _VISION_EMBD if kind == "mlp" else 4 * _VISION_EMBD)
    add_linear("mm.2", num_text_embd, num_text_embd)
