from pathlib import Path

import pytest

from inference.library.errors import GGUFError
from inference.library.gguf_reader import LongArray, TensorInfo, read_beginning, read_header
from tests.inference.library.files import ARRAY, STRING, U32, gguf, u64


def write(folder: Path, content: bytes) -> Path:
    path = folder / "x.gguf"
    path.write_bytes(content)
    return path


def test_tensors_with_their_names_dimensions_and_sizes(tmp_path: Path) -> None:
    path = write(tmp_path, gguf(tensors={"token_embd.weight": [8, 4], "b": [3]}) + bytes(200))

    header = read_header(path)

    assert header.tensors == [
        TensorInfo("token_embd.weight", (8, 4), 0, 0, 32, 128),
        TensorInfo("b", (3,), 0, 0, 3, 12),
    ]
    assert header.data_start % 32 == 0


def test_long_arrays_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    words = tuple(f"w{number}" for number in range(500))
    path = write(tmp_path, gguf({"words": (ARRAY, (STRING, words)), "n": (ARRAY, (U32, tuple(range(70))))}))

    assert read_header(path).values == {"words": LongArray(500), "n": LongArray(70)}
    assert read_header(path, kept_elements=1000).values == {"words": list(words), "n": list(range(70))}


def test_span_of_a_value_is_where_it_lies(tmp_path: Path) -> None:
    content = gguf({"a": (U32, 5), "b": (STRING, "text")})
    header = read_header(write(tmp_path, content))

    start, end = header.spans["b"]
    assert content[start:end] == u64(1) + b"b" + (8).to_bytes(4, "little") + u64(4) + b"text"


def test_header_of_many_large_texts_is_refused_before_memory_runs_out(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    with path.open("wb") as file:
        file.write(b"GGUF" + (3).to_bytes(4, "little") + u64(0) + u64(40))
        for number in range(40):
            key = f"k{number}".encode()
            file.write(u64(len(key)) + key + (8).to_bytes(4, "little") + u64(16 * 1024**2))
            # The text itself is a hole in the file.
            file.seek(16 * 1024**2, 1)
        file.truncate()

    with pytest.raises(GGUFError, match="impossible size"):
        read_header(path)


def test_beginning_of_a_file_gives_what_it_holds_whole() -> None:
    content = gguf({"general.architecture": (STRING, "llama"), "llama.block_count": (U32, 7), "llama.text": (STRING, "x" * 999)})
    assert read_beginning(content[:200]) == {"general.architecture": "llama", "llama.block_count": 7}
    assert len(read_beginning(content)) == 3


@pytest.mark.parametrize("content", [b"", b"GG", b"no model at all, but long enough"])
def test_beginning_of_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(GGUFError):
        read_beginning(content)
