"""What a runner's configuration says of a context, in llama.cpp's terms."""

from typing import Any

from llama_cpp import llama_cpp

from inference.errors import ModelLoadFailed
from inference.runner.config import RunnerConfig
from inference.runner.threads import usable_cores

_FLASH_ATTENTION = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
_BF16 = 30
_CACHE_TYPES = {
    "f32": llama_cpp.GGML_TYPE_F32,
    "f16": llama_cpp.GGML_TYPE_F16,
    "bf16": _BF16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q5_1": llama_cpp.GGML_TYPE_Q5_1,
    "q5_0": llama_cpp.GGML_TYPE_Q5_0,
    "q4_1": llama_cpp.GGML_TYPE_Q4_1,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}


def set_options(params: Any, config: RunnerConfig) -> None:
    """Sets threads, attention, cache and position options of a `llama_context_params`. Raises `ModelLoadFailed` for
    options that exclude each other."""
    is_quantised = config.kv_cache_type.startswith("q")
    if is_quantised and config.flash_attention == "off":
        raise ModelLoadFailed(
            f"A KV cache of type {config.kv_cache_type} needs flash attention: turn that on, or choose f16 for the cache."
        )
    params.n_threads = config.num_threads or usable_cores()
    params.n_threads_batch = config.num_threads_batch or params.n_threads
    params.flash_attn_type = _FLASH_ATTENTION[config.flash_attention]
    params.type_k = params.type_v = _CACHE_TYPES[config.kv_cache_type]
    # 0 is llama.cpp's sign for what the model says, too.
    params.rope_freq_base = config.rope_frequency_base
    params.rope_freq_scale = config.rope_frequency_scale
