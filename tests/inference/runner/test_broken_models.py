"""Model files that are not what they should be: the cause is told, the service lives."""

import struct
from pathlib import Path

import msgspec
import pytest

from inference.errors import ModelLoadFailed
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig

pytestmark = pytest.mark.model

_HEADER = struct.Struct("<4sIQQ")


@pytest.fixture(scope="session")
def head(model_path: Path) -> bytes:
    """Header, metadata and the first tensors of a good file."""
    with model_path.open("rb") as file:
        return file.read(4_000_000)


async def cause(config: RunnerConfig, path: Path) -> str:
    with pytest.raises(ModelLoadFailed) as failure:
        await RunnerClient.start(msgspec.structs.replace(config, model_path=str(path)), timeout=60)
    return str(failure.value)


async def test_load_missing_file_is_named(config: RunnerConfig, tmp_path: Path) -> None:
    assert "There is no model file" in await cause(config, tmp_path / "nothing.gguf")


async def test_load_folder_is_no_model(config: RunnerConfig, tmp_path: Path) -> None:
    assert "There is no model file" in await cause(config, tmp_path)


@pytest.mark.parametrize("content", [b"", b"GG", b"<html>not found</html>", b"FUGG" * 100])
async def test_load_other_content_is_no_gguf(config: RunnerConfig, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(content)

    assert "page.gguf is not a GGUF model file" in await cause(config, path)


@pytest.mark.parametrize("size", [4, 10, 24, 1000, 1_000_000, 4_000_000])
async def test_load_truncated_file_says_what_is_missing(config: RunnerConfig, tmp_path: Path, head: bytes, size: int) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(head[:size])

    message = await cause(config, path)

    assert message.startswith("short.gguf could not be loaded: ")
    assert "no reason" not in message


@pytest.mark.parametrize(
    ("version", "num_tensors", "num_keys"),
    [(0, 272, 33), (99, 272, 33), (3, 2**60, 33), (3, 272, 2**60), (3, 2**64 - 1, 2**64 - 1), (3, 0, 0), (3, 272, 3)],
)
async def test_load_impossible_header_fails_with_a_cause(
    config: RunnerConfig, tmp_path: Path, head: bytes, version: int, num_tensors: int, num_keys: int
) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(_HEADER.pack(b"GGUF", version, num_tensors, num_keys) + head[_HEADER.size :])

    message = await cause(config, path)

    assert message.startswith(("odd.gguf could not be loaded: ", "The model could not be loaded: it was ended by SIG"))
    assert "no reason" not in message
