import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.library.blobs import BlobStore
from inference.library.errors import DamagedModel, LibraryError
from inference.library.manifests import Layer

MODEL = "application/vnd.ollama.image.model"


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """Writing past this many bytes fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "A" * 64,
        "md5:" + "a" * 32,
        "sha256:../../../etc/passwd",
        "../x",
        "a" * 64,
    ],
)
def test_invalid_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(DamagedModel, match="invalid digest"):
        BlobStore(tmp_path).path(digest)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "is missing"), (b"ab", "has 2 bytes, not 3"), (b"abcd", "has 4 bytes, not 3")]
)
def test_blob_that_is_not_whole_is_damaged(tmp_path: Path, content: bytes | None, reason: str) -> None:
    store = BlobStore(tmp_path)
    layer = Layer(media_type=MODEL, digest="sha256:" + hashlib.sha256(b"abc").hexdigest(), size=3)
    if content is not None:
        store.root.mkdir()
        store.path(layer.digest).write_bytes(content)
    with pytest.raises(DamagedModel, match=f"its model blob {reason}"):
        store.check(layer)


def test_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "models")
    with largest_file(1000), pytest.raises(LibraryError, match="cannot be written"):
        store.add_bytes(bytes(5000), MODEL)
    assert list(store.root.iterdir()) == []


def test_full_disk_during_a_copy_leaves_nothing_half_written(tmp_path: Path, other_file_system: Path) -> None:
    source = other_file_system / "weights"
    source.write_bytes(bytes(3 * 1024 * 1024))
    store = BlobStore(tmp_path / "models")
    with largest_file(2 * 1024 * 1024), pytest.raises(LibraryError, match="cannot be written"):
        store.add_file(source, MODEL)
    assert list(store.root.iterdir()) == []


def test_missing_source_is_an_error_of_the_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be read"):
        BlobStore(tmp_path).add_file(tmp_path / "nothing", MODEL)


def test_file_on_the_same_file_system_is_linked(tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"abc")
    store = BlobStore(tmp_path / "models")
    layer = store.add_file(source, MODEL)

    assert layer.digest == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert layer.size == 3
    assert store.check(layer).samefile(source)
    assert [path.name for path in store.root.iterdir()] == [f"sha256-{layer.digest[7:]}"]


def test_file_on_another_file_system_is_copied(tmp_path: Path, other_file_system: Path) -> None:
    source = other_file_system / "weights"
    source.write_bytes(os.urandom(3 * 1024 * 1024 + 5))
    store = BlobStore(tmp_path / "models")
    layer = store.add_file(source, MODEL)

    assert store.check(layer).read_bytes() == source.read_bytes()
    assert store.check(layer).stat().st_mode & 0o777 == 0o644
    assert len(list(store.root.iterdir())) == 1


def test_damaged_blob_is_mended_by_adding_it_again(tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"abc")
    store = BlobStore(tmp_path / "models")
    path = store.path("sha256:" + hashlib.sha256(b"abc").hexdigest())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a")

    assert store.check(store.add_file(source, MODEL)).read_bytes() == b"abc"


def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    first = store.add_bytes(b"abc", MODEL)
    inode = store.check(first).stat().st_ino

    assert store.add_bytes(b"abc", MODEL) == first
    assert store.check(first).stat().st_ino == inode


@pytest.mark.parametrize("is_linkable", [True, False])
def test_file_that_changes_while_it_is_read_does_not_become_a_blob(
    tmp_path: Path, other_file_system: Path, is_linkable: bool
) -> None:
    """Its name would promise what it no longer holds."""
    store = BlobStore(tmp_path / "models")
    source = (tmp_path if is_linkable else other_file_system) / "model.gguf"
    source.write_bytes(b"first")

    def overwrite(_: int) -> None:
        source.write_bytes(b"another")

    with pytest.raises(LibraryError, match="changed while it was being"):
        store.add_file(source, MODEL, overwrite)
    assert not store.root.exists() or list(store.root.iterdir()) == []
