import fcntl
import os
import random
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from inference.kv.files import (
    TEMPORARY_PREFIX,
    DamagedFile,
    Header,
    delete_abandoned,
    largest_size,
    read_header,
    read_payload,
    write_file,
)

PAYLOAD = bytearray(random.Random(1).randbytes(5000))
WRITER = """
import sys
from pathlib import Path
from inference.kv.files import Header, write_file

header = Header(key="key", scope="user:1", tokens=b"", payload_size=4, payload_checksum=0)
write_file(Path(sys.argv[1]), header, bytearray(4), lambda: print("written", flush=True) or bool(sys.stdin.read()))
"""


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


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(f"{TEMPORARY_PREFIX}*"))


def test_unfinished_file_is_abandoned_when_its_writer_is_killed(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "a.kv")], **pipes) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"written\n"
        (path,) = unfinished(tmp_path)
        assert not delete_abandoned(path) and path.exists()
        writer.kill()

    assert delete_abandoned(path) and not path.exists()
    assert delete_abandoned(path)


def test_unfinished_file_that_nobody_wants_any_more_leaves_nothing(tmp_path: Path) -> None:
    header = Header(key="key", scope="user:1", tokens=b"", payload_size=len(PAYLOAD), payload_checksum=0)

    assert not write_file(tmp_path / "a.kv", header, PAYLOAD, lambda: False)
    assert not write_file(tmp_path / "a.kv", header, PAYLOAD, lambda: not unfinished(tmp_path)[0].unlink())

    assert list(tmp_path.iterdir()) == []


def test_file_is_never_taken_from_its_writer(tmp_path: Path) -> None:
    is_over = threading.Event()

    def sweep() -> None:
        while not is_over.is_set():
            for path in unfinished(tmp_path):
                delete_abandoned(path)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for number in range(300):
            make_file(tmp_path / f"{number}.kv")
    finally:
        is_over.set()
        sweeper.join()

    assert len(list(tmp_path.iterdir())) == 300


def test_unfinished_file_is_judged_by_its_age_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    old, young = tmp_path / f"{TEMPORARY_PREFIX}old", tmp_path / f"{TEMPORARY_PREFIX}young"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))

    assert delete_abandoned(old) and not delete_abandoned(young)
    make_file(tmp_path / "a.kv")
    assert {path.name for path in tmp_path.iterdir()} == {young.name, "a.kv"}


@pytest.mark.parametrize("num_tokens", [0, 1, 3000])
def test_largest_size_is_not_less_than_the_file_and_hardly_more(tmp_path: Path, num_tokens: int) -> None:
    header = Header(
        key="kéy" * 30, scope="user:1/人", tokens=b"\1\0\0\0" * num_tokens, payload_size=len(PAYLOAD), payload_checksum=2**32 - 1
    )
    write_file(tmp_path / "a.kv", header, PAYLOAD)

    size = (tmp_path / "a.kv").stat().st_size
    assert size <= largest_size(header.key, header.scope, num_tokens, len(PAYLOAD)) <= size + 8
