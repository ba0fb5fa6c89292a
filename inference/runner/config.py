"""What a runner process is started with: the part of the contract that is said once."""

from typing import Annotated, Literal

import msgspec

FlashAttention = Literal["auto", "on", "off"]
KvCacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]


class LoraAdapter(msgspec.Struct, frozen=True):
    path: str
    scale: float = 1.0


class RunnerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a runner process is started with, as JSON on its standard input."""

    model_path: str
    socket_path: str
    #: Context of one slot, in tokens.
    num_ctx: Annotated[int, msgspec.Meta(ge=4)] = 4096
    #: Requests that are computed at the same time; llama.cpp has at most 256 sequences.
    num_slots: Annotated[int, msgspec.Meta(ge=1, le=256)] = 4
    num_batch: Annotated[int, msgspec.Meta(ge=1)] = 512
    #: 0: as many as there are usable cores.
    num_threads: Annotated[int, msgspec.Meta(ge=0)] = 0
    #: -1: all.
    num_gpu_layers: int = -1
    use_mmap: bool = True
    #: Longest wanted gap between two tokens of a stream while another prompt is prefilled, in milliseconds.
    max_gap_ms: int = 150
    #: For prompts, which use more cores well than single tokens do; 0: as many as `num_threads`.
    num_threads_batch: Annotated[int, msgspec.Meta(ge=0)] = 0
    main_gpu: int = 0
    #: Otherwise the whole model goes to `main_gpu`.
    uses_all_gpus: bool = True
    use_mlock: bool = False
    flash_attention: FlashAttention = "auto"
    kv_cache_type: KvCacheType = "f16"
    adapters: list[LoraAdapter] = []
    #: The GGUF of the part that sees images; empty: the model sees none.
    projector_path: str = ""
    #: 0: what the model says.
    rope_frequency_base: float = 0.0
    rope_frequency_scale: float = 0.0
    #: Where states are kept; without it, or without the digest of the model's weights, or with 0 bytes, none are.
    kv_dir: str = ""
    model_digest: str = ""
    #: Of all states of all models.
    kv_cache_max_bytes: int = 0
