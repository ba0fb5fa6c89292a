import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from inference.errors import InvalidRequest
from inference.library.errors import LibraryError
from inference.library.gguf import read_metadata
from inference.library.progress import Progress
from inference.library.quantize import KINDS, parse_kind, quantize
from inference.library.starter import find_starter_file
from tests.inference.library.files import STRING, gguf
from tests.inference.tiny_models import write_llama


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "source.gguf", None)


@pytest.fixture
def starter() -> Path:
    """Q4_1."""
    path = find_starter_file()
    assert path is not None
    return path


async def all_of(progress: AsyncIterator[Progress]) -> list[Progress]:
    return [one async for one in progress]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "quantize" in " ".join(child.cmdline())]


@pytest.mark.parametrize("text", ["", "q4", "Q4_K_X", "4", "mxfp4", "x" * 1000])
async def test_kind_that_is_unknown(source: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"unsupported quantization type.*Q4_K_M") as caught:
        await all_of(quantize(source, tmp_path / "new.gguf", text))
    assert len(str(caught.value)) < 400
    assert files_in(tmp_path) == ["source.gguf"]


@pytest.mark.parametrize(
    ("text", "kind"), [("q4_0", "Q4_0"), ("q4_K_M", "Q4_K_M"), ("q4_k", "Q4_K_M"), (" Q5_K ", "Q5_K_M"), ("bf16", "BF16")]
)
def test_kind_by_ollamas_names(text: str, kind: str) -> None:
    assert parse_kind(text) == kind


async def test_quantised_source_is_refused(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="only supported for F16, BF16 and F32 models, and this one is Q4_1"):
        await all_of(quantize(starter, tmp_path / "new.gguf", "q4_0"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all", gguf({"general.architecture": (STRING, "nonsense")})])
async def test_source_that_is_no_model_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "source.gguf"
    source.write_bytes(content)
    with pytest.raises(LibraryError) as caught:
        await all_of(quantize(source, tmp_path / "out" / "new.gguf", "q8_0"))
    assert str(tmp_path) not in str(caught.value)
    assert files_in(tmp_path) == ["source.gguf"]


@pytest.fixture
def cut_source(source: Path) -> Path:
    os.truncate(source, source.stat().st_size // 2)
    return source


async def test_source_that_is_cut_short_leaves_nothing(cut_source: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="the model cannot be quantised"):
        await all_of(quantize(cut_source, tmp_path / "new.gguf", "q8_0"))
    assert files_in(tmp_path) == ["source.gguf"]


async def test_destination_that_cannot_be_written(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LibraryError, match="cannot be written"):
        await all_of(quantize(source, tmp_path / "file" / "new.gguf", "q8_0"))


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "F16", "BF16", "Q5_1"])
async def test_new_file_holds_what_was_asked(source: Path, tmp_path: Path, kind: str) -> None:
    lines = await all_of(quantize(source, tmp_path / "new.gguf", kind.lower()))
    old, new = read_metadata(source), read_metadata(tmp_path / "new.gguf")
    assert (new.file_type, new.num_parameters, new.missing_bytes) == (kind, old.num_parameters, 0)
    assert new.tensor_bytes < old.tensor_bytes
    assert {line.status for line in lines} == {f"quantizing F32 model to {kind}"}
    assert {line.digest for line in lines} == {"0000000000000000000"}
    done = [line.completed for line in lines]
    assert done == sorted(done) and len(set(done)) > 5 and (done[0], done[-1]) == (0, old.tensor_bytes)


async def test_quantised_source_is_taken_when_that_is_said(starter: Path, tmp_path: Path) -> None:
    lines = await all_of(quantize(starter, tmp_path / "new.gguf", "q4_0", allow_requantize=True))
    assert read_metadata(tmp_path / "new.gguf").file_type == "Q4_0"
    assert lines[-1].status == "quantizing Q4_1 model to Q4_0"


async def test_closing_ends_the_process_and_leaves_nothing(starter: Path, tmp_path: Path) -> None:
    # The slowest kind there is: it takes some 15 seconds if nobody ends it.
    async with aclosing(quantize(starter, tmp_path / "new.gguf", "iq4_nl", allow_requantize=True)) as progress:
        async for line in progress:
            if line.completed:
                assert len(children()) == 1
                break
    assert children() == []
    assert files_in(tmp_path) == []


async def test_cancelling_ends_the_process_and_leaves_nothing(starter: Path, tmp_path: Path) -> None:
    is_running = asyncio.Event()

    async def work() -> None:
        async with aclosing(quantize(starter, tmp_path / "new.gguf", "iq4_nl", allow_requantize=True)) as progress:
            async for line in progress:
                if line.completed:
                    is_running.set()

    task = asyncio.create_task(work())
    await is_running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []
    assert files_in(tmp_path) == []


async def test_killed_quantiser_is_an_error_and_leaves_nothing(starter: Path, tmp_path: Path) -> None:
    killed = itertools.count()
    with pytest.raises(LibraryError, match="SIGKILL"):
        async for line in quantize(starter, tmp_path / "new.gguf", "iq4_nl", allow_requantize=True):
            if line.completed and next(killed) == 0:
                children()[0].kill()
    assert files_in(tmp_path) == []


def test_kinds_are_llama_cpps() -> None:
    from gguf import LlamaFileType

    names = {kind: f"MOSTLY_{kind}" for kind in KINDS} | {"F32": "ALL_F32"}
    assert {kind: int(LlamaFileType[name]) for kind, name in names.items()} == KINDS
