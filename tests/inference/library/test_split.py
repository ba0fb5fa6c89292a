from pathlib import Path

import gguf as gguf_package
import pytest

from inference.library.blob_writer import BlobWriter
from inference.library.errors import GGUFError, LibraryError
from inference.library.gguf_reader import read_header
from inference.library.split import Part, in_order, merge_parts, part_of
from tests.inference.library.files import ARRAY, STRING, TINY, U16, U32, Value, gguf
from tests.inference.runner.llama.test_options import write_split
from tests.inference.tiny_models import write_llama


def part(number: int, count: int, tensor: str, data: bytes, **values: Value) -> bytes:
    head = gguf({**TINY, **values, "split.no": (U16, number), "split.count": (U16, count)}, {tensor: [8]})
    return head + bytes(-len(head) % 32) + data


def merge(folder: Path, *contents: bytes) -> Path:
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.gguf")
        paths[-1].write_bytes(content)
    with BlobWriter(folder / "blobs") as writer:
        merge_parts(paths, writer)
        layer = writer.commit("")
    return folder / "blobs" / layer.digest.replace(":", "-")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("m-00001-of-00002.gguf", Part("m.gguf", 1, 2)),
        ("a-b-00012-of-00012.GGUF", Part("a-b.GGUF", 12, 12)),
        ("m.gguf", None),
        ("m-00000-of-00002.gguf", None),
        ("m-00003-of-00002.gguf", None),
        ("m-1-of-2.gguf", None),
        ("-00001-of-00002.gguf", None),
        ("m-00001-of-00002.gguf.part", None),
        ("m-٠٠٠٠١-of-00002.gguf", None),
    ],
)
def test_names_of_parts(name: str, part: Part | None) -> None:
    assert part_of(name) == part


def test_missing_part_is_named() -> None:
    found = [(Part("m.gguf", number, 3), Path(str(number))) for number in (3, 1)]
    with pytest.raises(LibraryError, match=r"part 2 of 3 of m\.gguf is missing"):
        in_order(found)
    assert in_order([*found, (Part("m.gguf", 2, 3), Path("2"))]) == [Path("1"), Path("2"), Path("3")]


def test_merged_file_holds_every_tensor_and_the_values_of_the_first(tmp_path: Path) -> None:
    words: Value = (ARRAY, (STRING, tuple(f"w{number}" for number in range(100))))
    first, second = bytes(range(32)), bytes(range(100, 132))

    merged = merge(tmp_path, part(0, 2, "a", first, words=words), part(1, 2, "b", second, other=(U32, 7)))

    header = read_header(merged, kept_elements=1000)
    assert header.values == {
        "general.architecture": "llama", "general.file_type": 15, "llama.context_length": 2048,
        "words": [f"w{number}" for number in range(100)],
    }  # fmt: skip
    assert [(tensor.name, tensor.dimensions) for tensor in header.tensors] == [("a", (8,)), ("b", (8,))]
    data = merged.read_bytes()[header.data_start :]
    assert [data[tensor.offset : tensor.offset + 32] for tensor in header.tensors] == [first, second]
    assert header.missing_bytes == 0


def test_merged_model_is_the_one_that_was_split(tmp_path: Path) -> None:
    whole = write_llama(tmp_path / "whole.gguf", None)

    merged = merge(tmp_path, *(path.read_bytes() for path in write_split(whole, tmp_path)))

    tensors = [
        {tensor.name: tensor.data.tobytes() for tensor in gguf_package.GGUFReader(path).tensors} for path in (whole, merged)
    ]
    assert tensors[0] == tensors[1]


@pytest.mark.parametrize(
    ("contents", "error"),
    [
        ([part(1, 2, "a", bytes(32)), part(0, 2, "b", bytes(32))], "part 1 of the split model does not belong"),
        ([part(0, 3, "a", bytes(32)), part(1, 3, "b", bytes(32))], "part 1 of the split model does not belong"),
        ([part(0, 2, "a", bytes(32)), gguf()], "part 2 of the split model does not belong"),
        ([part(0, 2, "a", bytes(32)), part(1, 2, "a", bytes(32))], "hold the same tensor twice"),
        ([part(0, 2, "a", bytes(32)), part(1, 2, "b", bytes(31))], "part 2 of the split model is cut short"),
        ([part(0, 2, "a", bytes(32)), b"GGUF"], "the file is cut short"),
    ],
)
def test_parts_that_do_not_make_a_model_are_refused(tmp_path: Path, contents: list[bytes], error: str) -> None:
    with pytest.raises(GGUFError, match=error):
        merge(tmp_path, *contents)
    assert list((tmp_path / "blobs").iterdir()) == []
