"""The history of a monitor: each minute that ended is appended once, and a file that cannot be written is one line."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.core.history.service_window import DAY_S
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.history.windows import last_processes, windows_since
from pytest_perfbudget.monitor import Monitor, window_log

Make = Callable[..., Monitor]
START_MINUTE = 1_700_000_000 // 60
TABLE = '[tool.perfbudget]\nhistory = "kept.db"\n[tool.perfbudget.monitor]\nhistory = true\n'
IS_IN_PYTEST = "PYTEST_VERSION" in os.environ
QUIET: dict[str, Any] = {"in_background": False, "takes_spans": False}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: Any) -> Path:
    """A project whose monitor has a history, as outside a session of pytest; the clock is at the start of a minute."""
    (tmp_path / "pyproject.toml").write_text(TABLE, "utf-8")
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    wall.now_ns = START_MINUTE * 60 * 10**9
    return tmp_path


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / "kept.db"


def counts(file: Path) -> list[tuple[str, int, int]]:
    """Return the component, the minute since the start and the number of requests of each window."""
    return [(one.component, one.start_s // 60 - START_MINUTE, one.tally.count) for one in windows_since(file, 0)]


class TestMinutes:
    """The minutes that reach the file."""

    def test_each_minute_is_appended_once_when_it_has_ended(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor(history=file)
        for _ in range(30):
            monitor.observe("gateway", 0.01)
            wall.advance(10)
            monitor.check()
        monitor.observe("gateway", 0.01)
        monitor.check()
        assert counts(file) == [("gateway", minute, 6) for minute in range(5)]

    def test_a_minute_has_the_durations_and_the_errors(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor(history=file)
        monitor.observe("storage", 0.2, "KeyError: 'x'")
        monitor.observe("storage", 0.1)
        wall.advance(60)
        monitor.check()
        (minute,) = windows_since(file, 0)
        assert (minute.tally.count, minute.tally.errors, minute.tally.most_ns) == (2, 1, 200_000_000)
        assert minute.tally.cumulated().quantile_ns(0.5) == pytest.approx(100_000_000, rel=0.02)
        (process,) = last_processes(file, DAY_S)
        assert process.state["errors"][0]["message"] == "'x'"

    def test_the_alerts_are_kept_as_they_are(self, make_monitor: Make, wall: Any, file: Path) -> None:
        alert = {"metric": "p95_ms", "component": "storage", "limit": 50, "window": "1m"}
        monitor = make_monitor({"alerts": {"slow": alert}}, history=file)
        wall.advance(30)
        monitor.observe("storage", 0.2)
        monitor.check()
        wall.advance(30)
        monitor.check()
        assert [one["state"] for one in last_processes(file, DAY_S)[0].state["alerts"]] == ["firing"]

    def test_a_monitor_that_closes_appends_its_open_minute(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor(history=file)
        monitor.observe("gateway", 0.01)
        wall.advance(70)
        monitor.observe("gateway", 0.01)
        monitor.close()
        monitor.close()
        assert counts(file) == [("gateway", 0, 1), ("gateway", 1, 1)]

    def test_a_silent_service_still_says_that_it_runs(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor(history=file)
        monitor.observe("gateway", 0.01)
        for _ in range(10):
            wall.advance(60)
            monitor.check()
        assert counts(file) == [("gateway", 0, 1)]
        assert last_processes(file, DAY_S)[0].at_s == wall.now_ns // 10**9

    def test_the_minutes_of_two_processes_add_up(self, make_monitor: Make, file: Path) -> None:
        for monitor in [make_monitor(history=file) for _ in range(2)]:
            monitor.observe("gateway", 0.01)
            monitor.close()
        assert counts(file) == [("gateway", 0, 2)]

    def test_old_minutes_are_removed(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor({"history_days": 1}, history=file)
        for _ in range(8):
            monitor.observe("gateway", 0.01)
            wall.advance(60)
            monitor.check()
            wall.advance(26 * 3600)
        assert len(counts(file)) == 5  # those of a day, and of the four days by which a clock may be wrong


FORKING = """
import os, sys, threading
from pytest_perfbudget.monitor import Monitor
monitor = Monitor(history=sys.argv[1], in_background=False)
monitor.observe("gateway", 0.1)
pid = os.fork()
if pid == 0:
    monitor.observe("gateway", 0.1)
    monitor.close()
    os._exit(0)
os.waitpid(pid, 0)
closing = threading.Thread(target=monitor.close)
closing.start()
closing.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_worker_writes_as_a_process_of_its_own(file: Path) -> None:
    subprocess.run([sys.executable, "-c", FORKING, file], check=True)
    assert sum(requests for _, _, requests in counts(file)) == 2
    assert len(last_processes(file, DAY_S)) == 2


def test_a_process_that_forks_lets_no_write_begin(make_monitor: Make, file: Path) -> None:
    log = make_monitor(history=file)._windows
    assert log is not None

    def writes() -> bool:
        if can_begin := log._writing.acquire(blocking=False):
            log._writing.release()
        return can_begin

    def can_write() -> bool:
        """Return whether another thread than that of the fork could write."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(writes).result()

    assert can_write()
    log.pause()
    assert not can_write()
    log.resume()
    assert can_write()


class TestThread:
    """The thread in the background."""

    def test_it_appends_when_a_minute_ends_and_stops_with_the_monitor(
        self, make_monitor: Make, wall: Any, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        goes_on, has_come = threading.Semaphore(0), threading.Semaphore(0)
        waited: list[float] = []

        def wait(event: threading.Event, seconds: float) -> bool:
            waited.append(seconds)
            has_come.release()
            goes_on.acquire()
            return event.is_set()

        monkeypatch.setattr(window_log, "_wait", wait)
        monitor = make_monitor(history=file, in_background=True)
        assert "perfbudget-history" not in [one.name for one in threading.enumerate()]
        monitor.observe("gateway", 0.01)
        (thread,) = (one for one in threading.enumerate() if one.name == "perfbudget-history")
        assert has_come.acquire(timeout=10)
        wall.advance(61)
        goes_on.release()
        assert has_come.acquire(timeout=10)
        assert counts(file) == [("gateway", 0, 1)]
        monitor.close()
        goes_on.release()
        thread.join(10)
        assert not thread.is_alive()
        assert 61 <= waited[0] <= 65

    def test_a_request_does_not_touch_the_file(self, make_monitor: Make, wall: Any, file: Path) -> None:
        monitor = make_monitor(history=file)
        for _ in range(5):
            monitor.observe("gateway", 0.01)
            wall.advance(60)
        assert not file.exists()


class TestProblems:
    """A file that cannot be written: the service goes on, and the log has one line."""

    @pytest.fixture
    def busy(self, make_monitor: Make, wall: Any, file: Path) -> Callable[[], Monitor]:
        """A function that runs a monitor for three minutes."""
        monitor = make_monitor(history=file)

        def run() -> Monitor:
            for _ in range(3):
                monitor.observe("gateway", 0.01)
                wall.advance(60)
                monitor.check()
            return monitor

        return run

    def test_a_file_of_another_program_is_logged_once_and_left_alone(
        self, busy: Callable[[], Monitor], file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file.write_text("name,value\n" * 99, "utf-8")
        assert busy().summary()["components"]["gateway"]["requests_total"] == 3
        assert caplog.messages == [
            f"perfbudget: history {file}: this file is of another program: name another file;"
            " the monitor tries again each minute"
        ]
        assert file.read_text("utf-8").startswith("name")

    def test_a_later_schema_is_logged_once(
        self, busy: Callable[[], Monitor], file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        busy()
        with closing(sqlite3.connect(file)) as other:
            other.execute("PRAGMA user_version = 99")
        busy()
        assert [one.levelno for one in caplog.records] == [logging.WARNING]
        assert "its schema 99 is of a later pytest-perfbudget" in caplog.text

    def test_a_locked_file_loses_no_minute(
        self,
        busy: Callable[[], Monitor],
        file: Path,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        busy()
        monkeypatch.setattr(window_log, "_WAIT_S", 0.0)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            busy()
        assert len(counts(file)) == 3
        busy()
        assert counts(file) == [("gateway", minute, 1) for minute in range(9)]
        assert len(caplog.records) == 1
        assert "another process has been writing for" in caplog.text

    def test_a_folder_that_cannot_be_made_is_logged_once(
        self, make_monitor: Make, wall: Any, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        monitor = make_monitor(history=folder / "pyproject.toml" / "kept.db")
        for _ in range(2):
            monitor.observe("gateway", 0.01)
            wall.advance(60)
            monitor.check()
        monitor.close()
        assert len(caplog.records) == 1

    def test_an_unexpected_exception_is_logged_once(
        self, busy: Callable[[], Monitor], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr("pytest_perfbudget.history.windows.append_windows", broken)
            busy()
        assert len(caplog.records) == 1
        assert "ZeroDivisionError" in caplog.text


class TestSettings:
    """Where the history comes from."""

    def test_the_table_names_the_file_from_its_own_folder(
        self, folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "src").mkdir()
        monkeypatch.chdir(folder / "src")
        with Monitor.from_pyproject(**QUIET) as monitor:
            monitor.observe("gateway", 0.01)
        assert [name for name, _, _ in counts(file)] == ["gateway"]

    @pytest.mark.parametrize("text", ["", 'history = "kept.db"\n', 'history = "kept.db"\nmonitor.history = false\n'])
    def test_without_the_setting_nothing_is_written(self, folder: Path, file: Path, text: str) -> None:
        (folder / "pyproject.toml").write_text(f"[tool.perfbudget]\n{text}", "utf-8")
        with Monitor.from_pyproject(folder / "pyproject.toml", **QUIET) as monitor:
            monitor.observe("gateway", 0.01)
        assert not file.exists()

    def test_the_application_of_a_test_writes_nothing_and_says_so(
        self, folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert IS_IN_PYTEST
        monkeypatch.setenv("PYTEST_VERSION", pytest.__version__)
        with Monitor.from_pyproject(folder / "pyproject.toml", **QUIET) as monitor:
            monitor.observe("gateway", 0.01)
            (note,) = monitor.summary()["notes"]
        assert note.startswith("within a session of pytest the history is not written")
        assert not file.exists()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("monitor.history = true", 'history = true needs a file: set history = ".perfbudget/history.db" in [tool'),
            ('history = "kept.db"\nmonitor.history = "kept.db"', "history must be true or false, found 'kept.db'"),
            ("monitor.histori = true", "unknown key 'histori' (did you mean 'history'?)"),
            ("monitor = true", "must be a table"),
        ],
    )
    def test_a_mistake_is_one_line(self, folder: Path, text: str, message: str) -> None:
        (folder / "pyproject.toml").write_text(f"[tool.perfbudget]\n{text}\n", "utf-8")
        place = "pyproject.toml [tool.perfbudget.monitor]: "
        with pytest.raises(ConfigError, match=f"^{re.escape(place + message)}"):
            Monitor.from_pyproject(folder / "pyproject.toml", **QUIET)

    def test_an_argument_names_a_file_in_a_test_as_well(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTEST_VERSION", pytest.__version__)
        with Monitor.from_pyproject(folder / "pyproject.toml", history=folder / "other.db", **QUIET) as monitor:
            monitor.observe("gateway", 0.01)
        assert len(windows_since(folder / "other.db", 0)) == 1
