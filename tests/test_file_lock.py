"""File locks that log nothing."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from pytest_perfbudget.file_lock import file_lock, held


def test_a_lock_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with file_lock(tmp_path / "lock"):
        pass
    assert [one.name for one in caplog.records if one.name == "filelock"] == []
    with FileLock(tmp_path / "lock"):  # as the project itself would use it
        assert "filelock" in {one.name for one in caplog.records}


def test_the_projects_own_locks_are_logged_within_the_block(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with file_lock(tmp_path / "ours"), FileLock(tmp_path / "theirs"):
        lines = [one.getMessage() for one in caplog.records]
    assert any("theirs" in one for one in lines)
    assert [one for one in lines if "ours" in one] == []


def test_a_lock_that_another_holds_is_not_waited_for_longer_than_asked(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock"):
        with pytest.raises(Timeout), file_lock(tmp_path / "lock", timeout_s=0):
            pass
        assert logging.getLogger("filelock").level == logging.NOTSET
    with held(FileLock(tmp_path / "lock", timeout=0)):
        pass


def test_a_lock_whose_file_is_removed_still_excludes_all_others(tmp_path: Path) -> None:
    """Each thread may wait for a file that another removes."""
    counter, lock = tmp_path / "counter", tmp_path / "lock"
    counter.write_text("0", "utf-8")

    def add() -> None:
        for _ in range(20):
            with file_lock(lock, is_removed=True):
                counter.write_text(f"{int(counter.read_text('utf-8')) + 1}", "utf-8")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert counter.read_text("utf-8") == "80"
    assert not lock.exists()
    with file_lock(lock):
        pass
    assert lock.exists() is (sys.platform != "win32")


def test_two_threads_leave_the_projects_logger_as_it_was() -> None:
    """The second begins while the first waits, and ends after the first."""
    waits, go = threading.Event(), threading.Event()

    @contextmanager
    def waiting() -> Iterator[None]:
        waits.set()
        go.wait(10)
        yield

    def wait() -> None:
        with held(waiting()):
            pass

    first = threading.Thread(target=wait)

    @contextmanager
    def ending_later() -> Iterator[None]:
        go.set()
        first.join()
        yield

    logger = logging.getLogger("filelock")
    before = logger.level, list(logger.filters)
    first.start()
    waits.wait(10)
    with held(ending_later()):
        pass
    assert (logger.level, list(logger.filters)) == before
