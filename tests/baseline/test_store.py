from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pytest_perfbudget.baseline import store
from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line, render
from pytest_perfbudget.errors import BaselineError

MACHINE = Machine("cpu", "x86_64", "Linux", "CPython 3.11")


def baseline(*names: str) -> Baseline:
    keys = [Key(f"tests/test_a.py::{name}", "", MACHINE.key) for name in names]
    return Baseline({MACHINE.key: MACHINE}, {key: Line(key, counts={"calls": 7}) for key in keys})


def add(path: Path, *names: str) -> None:
    added = baseline(*names)
    store.change(
        path, lambda old: Baseline({**old.machines, **added.machines}, {**old.lines, **added.lines}), lambda _: None
    )


def names(path: Path) -> set[str]:
    found = store.read(path)
    assert found is not None
    return {key.test.rpartition(":")[2] for key in found.lines}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "perf-baseline.json"


def test_no_file_is_no_baseline(path: Path) -> None:
    assert store.read(path) is None


def test_changes_merge_with_what_is_there(path: Path) -> None:
    add(path, "a", "b")
    add(path, "b", "c")
    assert names(path) == {"a", "b", "c"}
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_without_a_change_the_file_is_not_touched(path: Path) -> None:
    add(path, "a")
    before = path.stat()
    add(path, "a")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_windows_line_ends_and_a_byte_order_mark_are_read(path: Path, change: object) -> None:
    assert callable(change)
    path.write_bytes(change(render(baseline("a"))).encode())
    assert names(path) == {"a"}
    add(path, "b")
    assert b"\r" not in path.read_bytes()
    assert names(path) == {"a", "b"}


def test_a_file_that_is_no_baseline_is_never_overwritten(path: Path) -> None:
    path.write_text("precious", "utf-8")
    with pytest.raises(BaselineError):
        add(path, "a")
    assert path.read_text("utf-8") == "precious"


def test_a_directory_in_its_place_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(BaselineError, match=r"^perf-baseline\.json: cannot be read: Is a directory"):
        store.read(path)


def test_bytes_that_are_no_text_are_said(path: Path) -> None:
    path.write_bytes(b'{"schema": "\xff"}')
    with pytest.raises(
        BaselineError, match=r"^perf-baseline\.json: is no UTF-8 text \(byte 12\): restore it from git$"
    ):
        store.read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
def test_a_file_too_large_to_be_ours_is_not_even_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(store.LARGEST + 1)
    with pytest.raises(BaselineError, match="is larger than 200 MB, that is no baseline"):
        store.read(path)


def test_fifty_megabytes_are_read(path: Path) -> None:
    key = Key("tests/test_a.py::t", "", MACHINE.key)
    path.write_text(
        render(Baseline({MACHINE.key: MACHINE}, {key: Line(key, counts={"calls": 1}, reason="x" * 50_000_000)})),
        "utf-8",
    )
    found = store.read(path)
    assert found is not None
    assert len(found.lines[key].reason) == 50_000_000


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may do everything")
def test_a_folder_that_cannot_be_written_is_said(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(BaselineError, match="cannot be written: Permission denied: the baseline is unchanged"):
            add(path, "a")
    finally:
        path.parent.chmod(0o700)


def test_a_file_that_was_made_read_only_is_left_alone(path: Path) -> None:
    """Although its folder would let it be replaced."""
    add(path, "a")
    path.chmod(0o444)
    with pytest.raises(BaselineError, match=r"^perf-baseline\.json: cannot be written: it is read-only: the baseline "):
        add(path, "b")
    assert names(path) == {"a"}


def test_no_permission_to_write_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(BaselineError, match="cannot be written: Permission denied: the baseline is unchanged"):
        add(path, "a")


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(path, "a")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError, match="cannot be written: No space left on device: the baseline is unchanged"):
        add(path, "b")
    assert names(path) == {"a"}
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_permissions_and_symbolic_links_stay(path: Path) -> None:
    real = path.with_name("real.json")
    add(real, "a")
    real.chmod(0o640)
    path.symlink_to(real)
    add(path, "b")
    assert path.is_symlink()
    assert names(real) == {"a", "b"}
    assert real.stat().st_mode & 0o777 == 0o640


ADDER = """
import sys
import tempfile
from pathlib import Path
sys.path[:0] = {path!r}
from test_store import add
for name in sys.argv[2:]:
    print(name, flush=True)
    add(Path(sys.argv[1]), name)
"""


def adder(path: Path, *names: str) -> subprocess.Popen[str]:
    code = ADDER.format(path=[str(Path(__file__).parent), *sys.path])
    return subprocess.Popen([sys.executable, "-c", code, str(path), *names], stdout=subprocess.PIPE, text=True)


def test_two_updates_at_once_lose_nothing(path: Path) -> None:
    sides = [adder(path, *(f"{side}{number}" for number in range(40))) for side in "ab"]
    for side in sides:
        side.communicate()
        assert side.returncode == 0
    assert names(path) == {f"{side}{number}" for side in "ab" for number in range(40)}


def test_an_update_leaves_no_file_behind(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    add(path, "new")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX")
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one_whole(path: Path) -> None:
    """200 updates; each process is killed at a random moment of one of its own."""
    add(path, *(f"old{number}" for number in range(300)))
    draw = random.Random(1)
    begun, killed = 0, 0
    finished: set[str] = set()
    while begun < 200:
        wanted = [f"new{number}" for number in range(begun, 200)]
        process = adder(path, *wanted)
        assert process.stdout is not None
        seen = [process.stdout.readline().strip() for _ in range(min(draw.randrange(1, 16), len(wanted)))]
        begun += len(seen)
        finished |= set(seen[:-1])  # the last one may be under way
        end = time.perf_counter_ns() + draw.randrange(4_000_000)
        while time.perf_counter_ns() < end:  # somewhere within an update
            pass
        killed += process.poll() is None
        process.kill()
        process.communicate()
        found = names(path)
        assert {f"old{number}" for number in range(300)} <= found
        assert finished <= found
    assert killed >= 10
    # What a killed process leaves is its temporary file, and no lock.
    add(path, "last")
    assert "last" in names(path)
