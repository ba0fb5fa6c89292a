import hashlib
from pathlib import Path

import pytest

from inference.errors import NotEnoughDisk
from inference.library.blob_writer import BlobWriter, check_room
from inference.library.errors import LibraryError
from tests.inference.library.test_blobs import largest_file


def test_blob_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with BlobWriter(tmp_path / "blobs") as writer:
        writer.write(b"some ")
        writer.write(memoryview(b"content"))
        layer = writer.commit("kind")

    digest = hashlib.sha256(b"some content").hexdigest()
    assert (layer.digest, layer.size, layer.media_type) == (f"sha256:{digest}", 12, "kind")
    (path,) = (tmp_path / "blobs").iterdir()
    assert (path.name, path.read_bytes()) == (f"sha256-{digest}", b"some content")


def test_what_is_not_committed_is_gone(tmp_path: Path) -> None:
    with BlobWriter(tmp_path) as writer:
        writer.write(b"some")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    full = pytest.raises(NotEnoughDisk, match="the disk of the models folder is full")
    with full, BlobWriter(tmp_path) as writer, largest_file(100_000):
        for _ in range(10):
            writer.write(bytes(50_000))
        writer.commit("kind")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="the models folder cannot be written"):
        BlobWriter(tmp_path / "file" / "blobs")


def test_room_is_looked_for_where_the_folder_will_be(tmp_path: Path) -> None:
    check_room(tmp_path / "not" / "there", 1)
    with pytest.raises(NotEnoughDisk, match="not enough disk space: "):
        check_room(tmp_path / "not" / "there", 10**18)
