import os
from pathlib import Path

from inference.kv.housekeeping import forget_files, limit_folder
from tests.inference.kv.test_files import make_file


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
