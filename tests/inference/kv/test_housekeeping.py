import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.kv.files import TEMPORARY_PREFIX, Header, write_file
from inference.kv.housekeeping import forget_files, limit_folder
from tests.inference.kv.test_files import PAYLOAD, make_file


def make_files(root: Path, **scopes: str) -> None:
    """One file a name, each used a second after the one before it."""
    for number, (name, scope) in enumerate(scopes.items()):
        path = root / f"model{number % 2}" / f"{name}.kv"
        path.parent.mkdir(exist_ok=True)
        make_file(path, scope=scope)
        os.utime(path, (1000 + number, 1000 + number))


def names(root: Path) -> set[str]:
    return {path.stem for path in root.glob("*/*")}


def test_limit_deletes_what_was_used_longest_ago_over_all_models(tmp_path: Path) -> None:
    make_files(tmp_path, a="u", b="u", c="u", d="u")
    size = next(tmp_path.glob("*/*")).stat().st_size

    limit_folder(tmp_path, 2 * size + 10)

    assert names(tmp_path) == {"c", "d"}


def test_limit_of_zero_leaves_nothing(tmp_path: Path) -> None:
    make_files(tmp_path, a="u", b="u")

    limit_folder(tmp_path, 0)
    limit_folder(tmp_path / "never made", 0)

    assert names(tmp_path) == set()


def test_forget_deletes_the_scope_and_what_lies_below_it(tmp_path: Path) -> None:
    make_files(tmp_path, a="user:1/conversation:1", b="user:1/conversation:11", c="user:11/conversation:1", d="user:1")

    assert forget_files(tmp_path, "user:1/conversation:1") == 1
    assert names(tmp_path) == {"b", "c", "d"}
    assert forget_files(tmp_path, "user:1") == 2
    assert names(tmp_path) == {"c"}


def test_forget_deletes_files_that_nobody_can_read(tmp_path: Path) -> None:
    make_files(tmp_path, a="user:1")
    (tmp_path / "model0" / "b.kv").write_bytes(b"whose is this?")

    forget_files(tmp_path, "user:2")

    assert names(tmp_path) == {"a"}


def write_meanwhile(root: Path, scope: str, action: Callable[[], object]) -> bool:
    """Whether a file of this scope comes about, when `action` is done just before it is finished."""
    header = Header(key="key", scope=scope, tokens=b"", payload_size=len(PAYLOAD), payload_checksum=zlib.crc32(PAYLOAD))

    def is_wanted() -> bool:
        action()
        return True

    return write_file(root / "model0" / "written.kv", header, PAYLOAD, is_wanted)


def test_limit_deletes_what_a_killed_writer_left(tmp_path: Path) -> None:
    make_files(tmp_path, a="u")
    (tmp_path / "model0" / f"{TEMPORARY_PREFIX}1").write_bytes(bytes(100))

    limit_folder(tmp_path, 10**6)

    assert names(tmp_path) == {"a"}


def test_limit_counts_what_is_being_written_and_leaves_it(tmp_path: Path) -> None:
    make_files(tmp_path, a="u", b="u")
    size = (tmp_path / "model0" / "a.kv").stat().st_size

    assert write_meanwhile(tmp_path, "u", lambda: limit_folder(tmp_path, 2 * size + 10))

    assert names(tmp_path) == {"b", "written"}


@pytest.mark.parametrize(("forgotten", "is_kept"), [("user:1/conversation:1", False), ("user:1", False), ("user:2", True)])
def test_forget_takes_what_is_being_written_from_its_writer(tmp_path: Path, forgotten: str, is_kept: bool) -> None:
    make_files(tmp_path, a="user:3")
    counts: list[int] = []

    assert write_meanwhile(tmp_path, "user:1/conversation:1", lambda: counts.append(forget_files(tmp_path, forgotten))) == is_kept

    assert names(tmp_path) == ({"a", "written"} if is_kept else {"a"})
    assert counts == [0 if is_kept else 1]


def test_forget_deletes_what_a_killed_writer_left_of_the_scope(tmp_path: Path) -> None:
    make_files(tmp_path, a="user:1", b="user:2")
    for number, name in enumerate("ab"):
        path = tmp_path / f"model{number}" / f"{name}.kv"
        content = path.read_bytes()
        path.rename(path.with_name(f"{TEMPORARY_PREFIX}{name}")).write_bytes(content[:-500])
    (tmp_path / "model0" / f"{TEMPORARY_PREFIX}c").write_bytes(b"whose?")

    assert forget_files(tmp_path, "user:1") == 2

    assert {path.name for path in tmp_path.glob("*/*")} == {f"{TEMPORARY_PREFIX}b"}
