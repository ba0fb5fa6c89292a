import os
import random
import zlib
from pathlib import Path

import pytest

from inference.kv.files import TEMPORARY_PREFIX, DamagedFile, Header, read_header, read_payload, write_file

PAYLOAD = bytearray(random.Random(1).randbytes(5000))


def make_file(path: Path, *, key: str = "key", scope: str = "user:1/conversation:2") -> Header:
    header = Header(key=key, scope=scope, tokens=b"\1\0\0\0", payload_size=len(PAYLOAD), payload_checksum=zlib.crc32(PAYLOAD))
    write_file(path, header, PAYLOAD)
    return header


def test_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    header = make_file(tmp_path / "a.kv")

    assert read_header(tmp_path / "a.kv") == header
    assert read_payload(tmp_path / "a.kv", "key") == PAYLOAD
    assert (tmp_path / "a.kv").stat().st_mode & 0o077 == 0


def test_file_of_another_key_is_refused(tmp_path: Path) -> None:
    make_file(tmp_path / "a.kv", key="another")

    with pytest.raises(DamagedFile, match="another model"):
        read_payload(tmp_path / "a.kv", "key")


def test_file_with_any_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kv"
    make_file(path)
    content = path.read_bytes()

    for position in [*range(120), *range(120, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :])
        with pytest.raises(DamagedFile):
            read_payload(path, "key")


def test_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kv"
    make_file(path)
    content = path.read_bytes()

    for size in [*range(130), len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:size])
        with pytest.raises(DamagedFile):
            read_payload(path, "key")
        with pytest.raises(DamagedFile):
            read_header(path)


@pytest.mark.parametrize("content", [b"", b"GGUF", bytes(64), b"HEARTHKV" + b"\xff" * 100, os.urandom(4096)])
def test_file_of_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.kv"
    path.write_bytes(content)

    with pytest.raises(DamagedFile):
        read_header(path)


def test_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.kv").mkdir()

    with pytest.raises(OSError, match="directory"):
        make_file(tmp_path / "a.kv")

    assert not list(tmp_path.glob(f"{TEMPORARY_PREFIX}*"))
