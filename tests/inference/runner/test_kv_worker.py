"""Saved states in real folders, as one runner and as several keep them."""

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.kv.files import SUFFIX, TEMPORARY_PREFIX, largest_size
from inference.runner.engine.kv_store import Loaded, StoredState
from inference.runner.kv_folder import KVFolder
from inference.runner.kv_worker import KVWorker

TOKENS = list(range(1, 601))
PAYLOAD = bytearray(b"state" * 2000)
SECONDS = 10.0


class Runner:
    """A worker with what it delivered."""

    def __init__(self, folder: KVFolder, **options: int) -> None:
        self.folder = folder
        self.delivered: queue.SimpleQueue[Loaded] = queue.SimpleQueue()
        self.worker = KVWorker(folder, self.delivered.put, **options)
        self.worker.start()

    def save(self, scope: str, tokens: list[int], payload: bytearray = PAYLOAD) -> None:
        assert self.worker.wants(scope, tokens)
        self.worker.save(scope, tokens, payload)
        assert self.worker.drain(SECONDS)

    def load(self, scope: str, tokens: list[int]) -> bytearray | None:
        """What is brought back for a prompt; None also when nothing is known."""
        found = self.worker.find(scope, tokens)
        if found is None:
            return None
        self.worker.load("r", found[0])
        return self.delivered.get(timeout=SECONDS).payload

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.path.glob(f"*{SUFFIX}"))


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Runner]:
    def start(*, key: str = "model a", max_bytes: int = 10**9, min_free_bytes: int = 0, **options: int) -> Runner:
        folder = KVFolder(tmp_path / "kv", key=key, max_bytes=max_bytes, min_free_bytes=min_free_bytes)
        return Runner(folder, **options)

    return start


def test_state_is_found_again_by_the_next_runner(start: Callable[..., Runner]) -> None:
    start().save("user:1/c:1", TOKENS)

    again = start()

    found = again.worker.find("user:1/c:1", [*TOKENS, 7, 8])
    assert found is not None and found[1] == len(TOKENS)
    assert again.load("user:1/c:1", [*TOKENS, 7, 8]) == PAYLOAD


@pytest.mark.parametrize(("key", "scope"), [("model b", "user:1/c:1"), ("model a", "user:2/c:1"), ("model a", "")])
def test_state_of_another_model_or_owner_is_never_found(start: Callable[..., Runner], key: str, scope: str) -> None:
    start().save("user:1/c:1", TOKENS)

    assert start(key=key).load(scope, TOKENS) is None


def test_file_moved_from_another_model_is_deleted(start: Callable[..., Runner]) -> None:
    other = start(key="model b")
    other.save("user:1", TOKENS)
    here = KVFolder(other.folder.path.parent, key="model a", max_bytes=10**9).path
    here.mkdir()
    moved = other.files[0].rename(here / other.files[0].name)

    assert start().load("user:1", TOKENS) is None
    assert not moved.exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "garbage", "empty", "renamed"])
def test_damaged_file_is_deleted_at_the_start_or_when_it_is_read(start: Callable[..., Runner], damage: str) -> None:
    running = start()
    running.save("user:1", TOKENS)
    (path,) = running.files
    content = path.read_bytes()
    changed = content[:-1] + bytes([content[-1] ^ 1])
    if damage == "renamed":
        path = path.rename(path.with_name("0" * 32 + SUFFIX))
    else:
        path.write_bytes({"cut": content[:-9], "changed": changed, "garbage": os.urandom(5000), "empty": b""}[damage])

    assert start().load("user:1", TOKENS) is None
    assert running.load("user:1", TOKENS) is None
    assert running.worker.find("user:1", TOKENS) is None
    assert not path.exists()


def test_bytes_of_all_models_stay_below_the_limit(start: Callable[..., Runner], tmp_path: Path) -> None:
    one, other = start(max_bytes=50_000), start(key="model b", max_bytes=50_000)
    for number in range(6):
        runner = (one, other)[number % 2]
        runner.save(f"user:{number}", TOKENS)
        os.utime(runner.folder.path / f"{runner.worker.find(f'user:{number}', TOKENS)[0].name}{SUFFIX}", (number, number))

    sizes = [path.stat().st_size for path in (tmp_path / "kv").glob(f"*/*{SUFFIX}")]
    assert 0 < sum(sizes) <= 50_000
    assert len(sizes) == 4
    assert other.load("user:5", TOKENS) == PAYLOAD
    assert one.load("user:0", TOKENS) is None


def test_state_that_was_used_outlives_those_that_were_not(start: Callable[..., Runner]) -> None:
    runner = start(max_bytes=40_000)
    for number in range(3):
        runner.save(f"user:{number}", TOKENS)
        os.utime(runner.files[0].parent / f"{runner.worker.find(f'user:{number}', TOKENS)[0].name}{SUFFIX}", (number, number))
    assert runner.load("user:0", TOKENS) == PAYLOAD

    runner.save("user:3", TOKENS)

    assert runner.load("user:0", TOKENS) == PAYLOAD
    assert runner.worker.find("user:1", TOKENS) is None


def test_state_larger_than_all_may_be_is_not_saved(start: Callable[..., Runner]) -> None:
    runner = start(max_bytes=5000)

    runner.save("user:1", TOKENS)

    assert runner.worker.find("user:1", TOKENS) is None and runner.files == []


def test_nearly_full_disk_keeps_what_is_there_and_takes_no_more(start: Callable[..., Runner]) -> None:
    start().save("user:1", TOKENS)
    full = start(min_free_bytes=2**62)

    full.save("user:2", TOKENS)

    assert full.worker.find("user:2", TOKENS) is None
    assert full.load("user:1", TOKENS) == PAYLOAD


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/full").exists(), reason="only root can fill a disk here")
def test_full_disk_loses_nothing(start: Callable[..., Runner], tmp_path: Path) -> None:
    (tmp_path / "kv").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path / "kv")], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        runner = start()
        runner.save("user:1", TOKENS)
        runner.save("user:2", TOKENS, bytearray(10**6))

        assert runner.worker.find("user:2", TOKENS) is None
        assert runner.load("user:1", TOKENS) == PAYLOAD
        assert len(list(runner.folder.path.iterdir())) == 1
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "kv")], check=True)


def test_vanished_file_is_no_error(start: Callable[..., Runner]) -> None:
    runner = start()
    runner.save("user:1", TOKENS)
    runner.files[0].unlink()

    assert runner.load("user:1", TOKENS) is None
    assert runner.worker.wants("user:1", TOKENS)


def test_vanished_folder_is_made_again(start: Callable[..., Runner]) -> None:
    runner = start()
    runner.folder.path.rmdir()

    runner.save("user:1", TOKENS)

    assert runner.load("user:1", TOKENS) == PAYLOAD


def test_longer_state_of_the_conversation_replaces_the_shorter(start: Callable[..., Runner]) -> None:
    runner = start()
    runner.save("user:1/c:1", TOKENS)
    runner.save("user:1/c:1", [*TOKENS, *range(2000, 2200)])
    assert runner.worker.drain(SECONDS)

    assert len(runner.files) == 1
    assert not runner.worker.wants("user:1/c:1", TOKENS)


def test_forget_deletes_the_conversation_or_all_of_a_person(start: Callable[..., Runner]) -> None:
    runner = start()
    for scope, first in (("user:1/c:1", 1), ("user:1/c:2", 2), ("user:11/c:1", 3)):
        runner.save(scope, [first, *TOKENS])

    runner.worker.forget("user:1/c:1")
    assert runner.worker.drain(SECONDS)
    assert runner.worker.find("user:1", [1, *TOKENS]) is None and len(runner.files) == 2
    runner.worker.forget("user:1")
    assert runner.worker.drain(SECONDS)

    assert runner.load("user:11/c:1", [3, *TOKENS]) == PAYLOAD and len(runner.files) == 1


class _BlockedFolder(KVFolder):
    """A disk that does not go on until it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, key="k", max_bytes=10**9, min_free_bytes=0)
        self.entered, self.go = threading.Event(), threading.Event()

    def write(self, state: StoredState, payload: bytearray, is_wanted: Callable[[], bool] = lambda: True) -> bool:
        self.entered.set()
        assert self.go.wait(SECONDS)
        return super().write(state, payload, is_wanted)


def test_blocked_disk_delays_no_call_and_bounds_what_waits(tmp_path: Path) -> None:
    folder = _BlockedFolder(tmp_path)
    runner = Runner(folder, max_waiting_bytes=2 * len(PAYLOAD))

    for number in range(2):
        assert runner.worker.wants("user:1", [number, *TOKENS])
        runner.worker.save("user:1", [number, *TOKENS], PAYLOAD)
    assert folder.entered.wait(SECONDS)

    assert not runner.worker.wants("user:1", [2, *TOKENS])
    assert runner.worker.find("user:1", [1, *TOKENS]) is not None
    assert not runner.worker.drain(0.01)
    folder.go.set()
    assert runner.worker.drain(SECONDS)
    assert runner.load("user:1", [1, *TOKENS]) == PAYLOAD


def test_state_forgotten_while_it_is_written_leaves_no_file(tmp_path: Path) -> None:
    folder = _BlockedFolder(tmp_path)
    runner = Runner(folder)
    runner.worker.save("user:1/c:1", TOKENS, PAYLOAD)
    runner.worker.save("user:1/c:2", [5, *TOKENS], PAYLOAD)
    assert folder.entered.wait(SECONDS)

    runner.worker.forget("user:1")
    folder.go.set()

    assert runner.worker.drain(SECONDS)
    assert runner.files == []


def test_state_saved_anew_while_the_forgotten_one_is_written_is_kept(tmp_path: Path) -> None:
    folder = _BlockedFolder(tmp_path)
    runner = Runner(folder)
    runner.worker.save("user:1/c:1", TOKENS, bytearray(b"forgotten"))
    assert folder.entered.wait(SECONDS)

    runner.worker.forget("user:1")
    assert runner.worker.wants("user:1/c:1", TOKENS)
    runner.worker.save("user:1/c:1", TOKENS, PAYLOAD)
    folder.go.set()

    assert runner.worker.drain(SECONDS)
    assert len(runner.files) == 1
    assert runner.load("user:1/c:1", TOKENS) == PAYLOAD


def test_state_saved_and_forgotten_again_while_another_is_written_leaves_no_file(tmp_path: Path) -> None:
    folder = _BlockedFolder(tmp_path)
    runner = Runner(folder)
    runner.worker.save("user:1/c:1", TOKENS, PAYLOAD)
    assert folder.entered.wait(SECONDS)
    for _ in range(2):
        runner.worker.forget("user:1")
        runner.worker.save("user:1/c:1", TOKENS, PAYLOAD)
    runner.worker.forget("user:1/c:1")
    folder.go.set()

    assert runner.worker.drain(SECONDS)
    assert runner.files == [] and runner.worker.find("user:1/c:1", TOKENS) is None


def test_state_that_cannot_be_written_takes_nothing_from_the_same_saved_anew(tmp_path: Path) -> None:
    folder = _BlockedFolder(tmp_path)
    runner = Runner(folder)
    runner.worker.save("user:1", TOKENS, bytearray(b"forgotten"))
    assert folder.entered.wait(SECONDS)
    folder.path.rmdir()
    folder.path.write_bytes(b"no folder")

    runner.worker.forget("user:1")
    runner.worker.save("user:1", TOKENS, PAYLOAD)

    found = runner.worker.find("user:1", TOKENS)
    folder.go.set()
    assert found is not None and runner.worker.drain(SECONDS)
    assert runner.worker.find("user:1", TOKENS) is None


ORDER = st.lists(st.tuples(st.sampled_from(["save", "forget", "load", "go on"]), st.integers(0, 1)), max_size=14)


@settings(max_examples=60, deadline=None)
@given(order=ORDER)
def test_what_is_left_is_what_was_saved_after_the_last_forget(order: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as root:
        folder = _BlockedFolder(Path(root))
        runner = Runner(folder)
        expected: dict[int, bytearray] = {}
        for number, (action, who) in enumerate(order):
            scope, tokens = f"user:{who}", [who, *TOKENS]
            match action:
                case "save" if runner.worker.wants(scope, tokens):
                    expected[who] = bytearray(str(number).encode())
                    runner.worker.save(scope, tokens, expected[who])
                case "forget":
                    expected.pop(who, None)
                    runner.worker.forget(scope)
                case "load":
                    # Reads go before writes, also between two of them.
                    found = runner.worker.find(scope, tokens)
                    if found is not None:
                        runner.worker.load("r", found[0])
                case "go on":
                    folder.go.set()
                    assert runner.worker.drain(SECONDS)
                    folder.go.clear()
        folder.go.set()
        assert runner.worker.drain(SECONDS)
        while not runner.delivered.empty():
            runner.delivered.get()

        assert {who: runner.load(f"user:{who}", [who, *TOKENS]) for who in (0, 1)} == {who: expected.get(who) for who in (0, 1)}
        assert len(runner.files) == len(expected)


def test_state_as_large_as_all_may_be_is_kept_and_a_larger_one_is_refused_by_its_size(start: Callable[..., Runner]) -> None:
    start().save("user:1", TOKENS)
    (path,) = start().files
    size = largest_size("model a", "user:1", len(TOKENS), len(PAYLOAD))
    path.unlink()
    exact, smaller = start(max_bytes=size), start(max_bytes=size - 1)

    assert exact.worker.can_hold("user:1", len(TOKENS), len(PAYLOAD))
    exact.save("user:1", TOKENS)
    assert exact.load("user:1", TOKENS) == PAYLOAD
    assert not smaller.worker.can_hold("user:1", len(TOKENS), len(PAYLOAD))


def test_what_a_killed_runner_left_is_deleted_when_any_other_starts(start: Callable[..., Runner]) -> None:
    path = start(key="model b").folder.path
    (path / f"{TEMPORARY_PREFIX}young").write_bytes(b"x")

    start()

    assert list(path.iterdir()) == []
