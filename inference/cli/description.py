"""What `hearth show` and `/show info` print of a model: blocks of rows, as Ollama's."""

from collections.abc import Iterator
from typing import Any

from inference.cli.figures import human_number
from inference.cli.table import format_rows
from inference.cli.terminal import visible

_SHORT_LICENSE_LINES = 2
_MAX_VALUE = 100


def describe(model: dict[str, Any], *, is_verbose: bool = False) -> Iterator[str]:
    """The lines of the answer to `/api/show`, safe for a terminal."""
    yield from _block("Model", _model_rows(model))
    yield from _block("Capabilities", [[str(name)] for name in model.get("capabilities") or []])
    if projector := model.get("projector_info"):
        yield from _block("Projector", _projector_rows(projector))
    if parameters := model.get("parameters"):
        yield from _block("Parameters", [_parameter(line) for line in str(parameters).splitlines() if line.strip()])
    if is_verbose:
        yield from _block("Metadata", [[key, _short(value)] for key, value in sorted((model.get("model_info") or {}).items())])
        yield from _block("Tensors", [_tensor(tensor) for tensor in model.get("tensors") or []])
    if system := model.get("system"):
        yield from _block("System", _first_lines(str(system), is_verbose))
    if license_text := model.get("license"):
        yield from _block("License", _first_lines(str(license_text), is_verbose))


def _block(heading: str, rows: list[list[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"  {heading}"
    yield from format_rows(rows, indent=4)
    yield ""


def _model_rows(model: dict[str, Any]) -> list[list[str]]:
    info, details = model.get("model_info") or {}, model.get("details") or {}
    architecture = str(info.get("general.architecture") or details.get("family") or "")
    rows = [["architecture", architecture]] if architecture else []
    if number := info.get("general.parameter_count"):
        rows.append(["parameters", human_number(int(number))])
    elif size := details.get("parameter_size"):
        rows.append(["parameters", str(size)])
    for key, label in (("context_length", "context length"), ("embedding_length", "embedding length")):
        if (value := info.get(f"{architecture}.{key}", details.get(key))) is not None:
            rows.append([label, str(value)])
    if quantization := details.get("quantization_level"):
        rows.append(["quantization", str(quantization)])
    if requires := model.get("requires"):
        rows.append(["requires", str(requires)])
    return rows


def _projector_rows(info: dict[str, Any]) -> list[list[str]]:
    architecture = str(info.get("general.architecture", ""))
    rows = [["architecture", architecture]]
    if number := info.get("general.parameter_count"):
        rows.append(["parameters", human_number(int(number))])
    for key, label in (("embedding_length", "embedding length"), ("projection_dim", "dimensions")):
        value = info.get(f"{architecture}.vision.{key}", info.get(f"{architecture}.{key}"))
        if value is not None:
            rows.append([label, str(value)])
    return rows


def _parameter(line: str) -> list[str]:
    name, _, value = line.strip().partition(" ")
    return [name, value.strip()]


def _tensor(tensor: dict[str, Any]) -> list[str]:
    return [str(tensor.get("name", "")), str(tensor.get("type", "")), "[" + " ".join(map(str, tensor.get("shape", []))) + "]"]


def _short(value: Any) -> str:
    text = visible(str(value))
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}..."


def _first_lines(text: str, is_verbose: bool) -> list[list[str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if is_verbose or len(lines) <= _SHORT_LICENSE_LINES:
        return [[line] for line in lines]
    return [*([line] for line in lines[:_SHORT_LICENSE_LINES]), ["..."]]
