import hashlib
import json
from pathlib import Path

import pytest

from inference.library.errors import DamagedModel, LibraryError
from inference.library.manifests import ManifestStore, decode_manifest
from inference.library.names import parse_name

DIGEST = "sha256:" + "a" * 64
GOOD = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": DIGEST, "size": 3},
    "layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": DIGEST, "size": 4, "from": "/a/b"}],
}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**GOOD, "layers": None}).encode(),
        json.dumps({**GOOD, "config": {}}).encode(),
        json.dumps({**GOOD, "layers": [{"mediaType": "m", "digest": 5, "size": 4}]}).encode(),
        json.dumps({**GOOD, "layers": [{"mediaType": "m", "digest": DIGEST, "size": -4}]}).encode(),
        json.dumps({**GOOD, "layers": [{"mediaType": "m", "digest": DIGEST, "size": 2**70}]}).encode(),
    ],
)
def test_unusable_manifest_is_refused_and_never_written(tmp_path: Path, content: bytes) -> None:
    store = ManifestStore(tmp_path)
    with pytest.raises(DamagedModel, match="its manifest"):
        decode_manifest(content)
    with pytest.raises(DamagedModel):
        store.write(parse_name("a"), content)
    assert not store.root.exists()


def test_huge_manifest_file_is_not_read_whole(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    path = store.path(parse_name("a"))
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(5 * 1024**3)
    with pytest.raises(DamagedModel, match="too large"):
        store.read(parse_name("a"))


def test_bytes_are_kept_as_they_came(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    content = json.dumps(GOOD, indent=7).encode() + b"\n"
    digest = store.write(parse_name("host:5000/Name/model:tag"), content)

    path = tmp_path / "manifests" / "host:5000" / "Name" / "model" / "tag"
    assert path.read_bytes() == content
    assert digest == hashlib.sha256(content).hexdigest()
    manifest, read_digest = store.read(parse_name("host:5000/Name/model:tag"))
    assert read_digest == digest
    assert manifest.size == 7
    assert manifest.layers[0].kind == "model"


def test_failed_write_leaves_the_old_manifest_and_no_other_file(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    old = json.dumps(GOOD).encode()
    store.write(parse_name("a:b"), old)
    # A folder in the place of the file: the last step, the rename, fails.
    (store.path(parse_name("a:c")) / "full").mkdir(parents=True)
    with pytest.raises(LibraryError, match="cannot be written"):
        store.write(parse_name("a:c"), old)
    assert store.path(parse_name("a:b")).read_bytes() == old
    assert sorted(path.name for path in store.path(parse_name("a:b")).parent.iterdir()) == ["b", "c"]


def test_resolve_finds_the_name_in_any_case(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.write(parse_name("mOdEl:Tag"), json.dumps(GOOD).encode())

    assert store.resolve(parse_name("MODEL:tag")) == parse_name("mOdEl:Tag")
    assert store.resolve(parse_name("mOdEl:Tag")) == parse_name("mOdEl:Tag")
    assert store.resolve(parse_name("model:other")) is None


def test_names_pass_over_what_is_no_model(tmp_path: Path) -> None:
    store = ManifestStore(tmp_path)
    store.write(parse_name("a"), json.dumps(GOOD).encode())
    folder = store.path(parse_name("a")).parent
    (folder / ".new-123").write_text("half")
    (folder / "dir").mkdir()
    (store.root / "stray").write_text("x")
    (folder.parent / "-bad").mkdir()
    (folder.parent / "-bad" / "tag").write_text("x")

    assert [name.shortest for name, _ in store.names()] == ["a:latest"]


def test_names_of_a_folder_that_is_not_there_are_none(tmp_path: Path) -> None:
    assert list(ManifestStore(tmp_path / "nowhere").names()) == []
