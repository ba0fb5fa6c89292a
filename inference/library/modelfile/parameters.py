"""The parameters of a Modelfile, each with the type of its value."""

from typing import Any

from inference.library.modelfile.errors import ModelfileError

_INTEGERS = (
    "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "num_predict", "seed", "top_k", "repeat_last_n",
    "draft_num_predict", "mirostat", "dry_allowed_length", "dry_penalty_last_n",
)  # fmt: skip
_NUMBERS = (
    "temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty", "mirostat_tau",
    "mirostat_eta", "dry_multiplier", "dry_base", "xtc_probability", "xtc_threshold", "top_n_sigma", "dynatemp_range",
    "dynatemp_exponent", "tfs_z", "rope_frequency_base", "rope_frequency_scale",
)  # fmt: skip
_BOOLEANS = (
    "use_mmap", "use_mlock", "low_vram", "f16_kv", "logits_all", "vocab_only", "numa", "penalize_newline", "ignore_eos",
    "loop_guard",
)  # fmt: skip
_TEXTS = ("grammar",)
#: Given several times, each adds to the list.
LISTS = ("stop", "dry_sequence_breakers")
#: Ollama's parameters that no longer have a meaning are read and left out, as Ollama does.
DEPRECATED = frozenset({"low_vram", "f16_kv", "logits_all", "vocab_only", "numa", "penalize_newline", "tfs_z"})
#: As Go's `strconv.ParseBool`.
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_INT64 = 2**63
KNOWN = frozenset((*_INTEGERS, *_NUMBERS, *_BOOLEANS, *_TEXTS, *LISTS))


def kind_of(name: str) -> str:
    """Of a known parameter that is no list: "integer", "float32", "boolean" or "string", as Ollama calls them."""
    kinds = {"integer": _INTEGERS, "float32": _NUMBERS, "boolean": _BOOLEANS}
    return next((kind for kind, names in kinds.items() if name in names), "string")


def read_parameter(name: str, text: str) -> Any:
    """The value of its type; of a list, one element. Raises `ModelfileError` in Ollama's words."""
    if name in _INTEGERS:
        return _integer(text)
    if name in _NUMBERS:
        return _number(text)
    if name in _BOOLEANS:
        if text not in _TRUTHS:
            raise ModelfileError(f"invalid bool value [{text[:100]}]")
        return _TRUTHS[text]
    if name in _TEXTS or name in LISTS:
        return text
    raise ModelfileError(f"unknown parameter '{name[:100]}'")


def _integer(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20) or not -_INT64 <= int(text) < _INT64:
        raise ModelfileError(f"invalid int value [{text[:100]}]")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        number = None
    if number is None or not abs(number) < 3.5e38:
        raise ModelfileError(f"invalid float value [{text[:100]}]")
    return number
