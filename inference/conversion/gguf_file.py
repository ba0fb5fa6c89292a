"""Writes the GGUF file of a safetensors model. Tensors are read, turned and written one after the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from inference.conversion.errors import ConversionError
from inference.conversion.families import Config, Family, family_of, permute, rope_factors
from inference.conversion.safetensors import Tensor, read_tensors
from inference.conversion.vocabulary import module_kinds, read_json, read_vocabulary

_INDEX = "model.safetensors.index.json"
_BRAIN = gguf.GGMLQuantizationType.BF16
#: Of tensors that transformers computes itself.
_COMPUTED = (".rotary_emb.inv_freq", ".masked_bias", ".attn.bias")
#: Of sentence-transformers. Vectors are normalised when they are asked for.
_MODULES = ("Transformer", "Pooling", "Normalize")
_BERT_TOKENS = {"bos": "[CLS]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}


def write_gguf(folder: Path, destination: Path, advance: Callable[[int, int], None]) -> None:
    """`folder` holds the model's files by the names Hugging Face gives them; `advance` hears bytes done and of how many.

    Matrices become F16, or stay BF16, and everything else F32. Raises `ConversionError`.
    """
    values = read_json(folder / "config.json")
    family, config = family_of(values), Config(values)
    tensors = _tensors(folder, family, config)
    writer = gguf.GGUFWriter(destination, gguf.MODEL_ARCH_NAMES[family.architecture])
    try:
        has_brain = any(tensor.kind == "BF16" for tensor in tensors.values())
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16 if has_brain else gguf.LlamaFileType.MOSTLY_F16)
        writer.add_type("model")
        family.describe(writer, config)
        _add_vocabulary(writer, folder, family, tensors["token_embd.weight"].shape[0])
        if family.architecture == gguf.MODEL_ARCH.BERT:
            writer.add_pooling_type(_pooling(folder))
        _write_tensors(writer, tensors, family, config, advance)
    finally:
        writer.close()


def _tensors(folder: Path, family: Family, config: Config) -> dict[str, Tensor]:
    """By the names they will have."""
    names = gguf.get_tensor_name_map(family.architecture, config.num_layers)
    found: dict[str, Tensor] = {}
    for path in _weight_files(folder):
        for tensor in read_tensors(path):
            plain = tensor.name.removeprefix("bert.")
            if plain.startswith(family.ignored) or plain.endswith(_COMPUTED):
                continue
            name = names.get_name(plain, try_suffixes=(".weight", ".bias"))
            if name is None:
                raise ConversionError(f"it has a tensor that its family does not know ({tensor.name[:100]})")
            if name in found:
                raise ConversionError(f"it has the tensor {tensor.name[:100]} twice")
            found[name] = tensor
    if "token_embd.weight" not in found or len(found["token_embd.weight"].shape) != 2:
        raise ConversionError("it has no vectors for its vocabulary; are all its files here?")
    is_tied = bool(config.values.get("tie_word_embeddings"))
    if is_tied:
        found.pop("output.weight", None)
    _check_layers(found, config.num_layers)
    for name in family.required:
        # Without an output of its own, llama.cpp would take the embeddings for it.
        if name not in found and not (is_tied and name == "output.weight"):
            raise ConversionError(f"it has no {name}; are all its files here?")
    return found


def _weight_files(folder: Path) -> list[Path]:
    """Those that the index names; without one, all that are called as transformers calls them. Others hold the same weights in
    another form, such as Mistral's consolidated.safetensors. Raises `ConversionError`."""
    found = sorted(folder.glob("*.safetensors"))
    index = folder / _INDEX
    if not index.is_file():
        return [path for path in found if path.name.startswith("model")] or found
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise ConversionError(f"its {_INDEX} cannot be read")
    named = set(places.values())
    if missing := named - {path.name for path in found}:
        raise ConversionError(f"its file {min(missing)[:100]} is missing")
    return [path for path in found if path.name in named]


def _check_layers(found: dict[str, Tensor], num_layers: int) -> None:
    """All layers are of the same parts. Raises `ConversionError` naming what is missing."""
    layers: list[set[str]] = [set() for _ in range(num_layers)]
    for name in found:
        if name.startswith("blk."):
            number, _, part = name.removeprefix("blk.").partition(".")
            layers[int(number)].add(part)
    parts = set().union({"attn_q.weight", "ffn_down.weight"}, *layers)
    for index, layer in enumerate(layers):
        if not layer:
            raise ConversionError(f"its layer {index} is missing; are all its files here?")
        if parts - layer:
            raise ConversionError(f"its layer {index} has no {min(parts - layer)}; are all its files here?")


def _add_vocabulary(writer: gguf.GGUFWriter, folder: Path, family: Family, num_tokens: int) -> None:
    vocabulary = read_vocabulary(folder, family.vocabulary, num_tokens)
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    if vocabulary.scores is not None:
        writer.add_token_scores(vocabulary.scores)
    if vocabulary.adds_space_prefix is not None:
        writer.add_add_space_prefix(vocabulary.adds_space_prefix)
    for name, value in vocabulary.normalizer.items():
        writer.add_bool(f"tokenizer.ggml.normalizer.{name}", value)
    special = gguf.SpecialVocab(folder, load_merges=vocabulary.has_merges, n_vocab=num_tokens)
    if vocabulary.has_merges and not special.merges:
        raise ConversionError("its tokenizer has no merges")
    if vocabulary.model == "bert":
        numbers = {token: number for number, token in enumerate(vocabulary.tokens)}
        for kind, token in {
            "bos": "[CLS]",
            "cls": "[CLS]",
            "sep": "[SEP]",
            "pad": "[PAD]",
            "unk": "[UNK]",
            "mask": "[MASK]",
        }.items():
            if token in numbers:
                special.special_token_ids[kind] = numbers[token]
    special.add_to_gguf(writer, quiet=True)


def _pooling(folder: Path) -> gguf.PoolingType:
    """As sentence-transformers keeps it; the mean where nothing is said. Raises `ConversionError` also for a step that would
    be left out, such as a layer behind the pooling."""
    modules = folder / "modules.json"
    for kind in module_kinds(modules) if modules.is_file() else ():
        if kind not in _MODULES:
            raise ConversionError(f"it has a step that cannot be converted ({kind[:60]}); these can: {', '.join(_MODULES)}")
    for path in folder.glob("*/config.json"):
        settings = read_json(path)
        if settings.get("pooling_mode_cls_token"):
            return gguf.PoolingType.CLS
        if settings.get("pooling_mode_mean_tokens"):
            return gguf.PoolingType.MEAN
        if settings.get("pooling_mode_lasttoken"):
            return gguf.PoolingType.LAST
        if any(value is True for key, value in settings.items() if key.startswith("pooling_mode_")):
            raise ConversionError("it pools its vectors in a way that cannot be converted")
    return gguf.PoolingType.MEAN


def _write_tensors(
    writer: gguf.GGUFWriter,
    tensors: dict[str, Tensor],
    family: Family,
    config: Config,
    advance: Callable[[int, int], None],
) -> None:
    factors = rope_factors(config) if family.is_permuted else None
    if factors is not None:
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    for name, tensor in tensors.items():
        dtype, raw = _written_as(name, tensor, family)
        size = int(np.prod(tensor.shape)) * dtype.itemsize
        writer.add_tensor_info(name, tensor.shape, dtype, size, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if factors is not None:
        writer.write_tensor_data(factors)
    total, completed = sum(tensor.num_bytes for tensor in tensors.values()), 0
    for name, tensor in tensors.items():
        writer.write_tensor_data(_converted(name, tensor, family, config))
        completed += tensor.num_bytes
        advance(completed, total)


def _written_as(name: str, tensor: Tensor, family: Family) -> tuple[np.dtype[Any], gguf.GGMLQuantizationType | None]:
    if len(tensor.shape) < 2 or any(part in name for part in family.exact):
        return np.dtype(np.float32), None
    return (np.dtype(np.uint16), _BRAIN) if tensor.kind == "BF16" else (np.dtype(np.float16), None)


def _converted(name: str, tensor: Tensor, family: Family, config: Config) -> np.ndarray[Any, Any]:
    dtype, raw = _written_as(name, tensor, family)
    array = tensor.read() if raw is not None else tensor.as_floats()
    if family.is_permuted and (".attn_q." in name or ".attn_k." in name):
        num_heads = config.num_heads if ".attn_q." in name else config.count("num_key_value_heads", config.num_heads)
        if array.shape[0] % (2 * num_heads):
            raise ConversionError(f"the tensor {tensor.name[:100]} does not fit the number of heads")
        array = permute(array, num_heads)
    if dtype == np.float16 and not np.abs(array).max() <= np.finfo(np.float16).max:
        raise ConversionError(f"the tensor {tensor.name[:100]} holds numbers that F16 cannot")
    return np.ascontiguousarray(array, dtype)
