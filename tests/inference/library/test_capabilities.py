from pathlib import Path

import pytest

from inference.library.capabilities import capabilities
from inference.library.gguf import GGUFMetadata
from inference.library.names import parse_name
from tests.inference.library.files import STRING, TINY, U32, gguf, make_library, make_model

THINKER = "{% if x %}<think>{% endif %}</think>"


def metadata(architecture: str = "llama", **values: object) -> GGUFMetadata:
    named = {f"{architecture}.{key}" if "." not in key else key: value for key, value in values.items()}
    return GGUFMetadata(3, 1, 1, {"general.architecture": architecture, **named})


@pytest.mark.parametrize(
    ("file", "options", "expected"),
    [
        (metadata(), {}, ["completion"]),
        (metadata(pooling_type=1), {}, ["embedding"]),
        (metadata("qwen3", pooling_type=3), {}, ["embedding"]),
        (metadata("bert"), {}, ["embedding"]),
        (metadata("nomic-bert-moe", pooling_type=4), {}, ["rerank"]),
        (metadata(pooling_type="4"), {}, ["embedding"]),
        (metadata(), {"has_projector": True}, ["completion", "vision"]),
        (metadata("mllama", **{"mllama.vision.block_count": 2}), {}, ["completion"]),
        (metadata(), {"template": "{{ .Prompt }}{{ .Suffix }}"}, ["completion", "insert"]),
        (metadata(**{"tokenizer.ggml.fim_pre_token_id": 7}), {}, ["completion", "insert"]),
        (metadata(), {"template": "{{ range .Tools }}"}, ["completion", "tools"]),
        (metadata(**{"tokenizer.chat_template": "{% for t in tools %}"}), {}, ["completion", "tools"]),
        (metadata(**{"tokenizer.chat_template": THINKER}), {}, ["completion", "thinking"]),
        (metadata(**{"tokenizer.chat_template": "<think>"}), {}, ["completion"]),
        (metadata(**{"tokenizer.chat_template": 5}), {}, ["completion"]),
        (metadata(**{"tokenizer.chat_template": THINKER, "pooling_type": 1}), {}, ["embedding"]),
    ],
)  # fmt: skip
def test_capabilities_follow_from_the_files(file: GGUFMetadata, options: dict, expected: list[str]) -> None:
    assert capabilities(file, **options) == expected


def test_library_looks_at_template_and_projector(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "seer", extra={"template": b"{{ .Suffix }}", "projector": b"x"})
    make_model(library, "plain", weights=gguf({**TINY, "llama.pooling_type": (U32, 3)}))

    found = {model.name.model: library.capabilities(model) for model in library.list_models()}

    assert found == {"seer": ["completion", "vision", "insert"], "plain": ["embedding"]}


def test_library_capabilities_are_read_once(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "odd", weights=gguf({"general.architecture": (STRING, "bert")}))
    model = library.find(parse_name("odd"), asked="odd")

    assert library.capabilities(model) is library.capabilities(model)
