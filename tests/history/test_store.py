"""The history's file: appending, pruning and reading, and files that cannot be used."""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from histories import DAY_S, START_S, point, session
from history_writers import assert_whole, started

from pytest_perfbudget.core.history.trend import SeriesKey
from pytest_perfbudget.errors import HistoryError
from pytest_perfbudget.history.store import append, folders, series, sessions, trends

MEDIAN = SeriesKey("tests/test_api.py::test_login", "", "median")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".perfbudget" / "history.db"


class TestSessions:
    """What is appended is read again, until it is too old."""

    def test_sessions_are_read_as_they_were_appended(self, file: Path) -> None:
        made = [
            session(at, [point(at + 1.0), point(2.0, metric="p95", lower=1.0, verdict="within")]) for at in range(3)
        ]
        assert append(file, made, START_S) == 3
        assert sessions(file, START_S) == made

    @pytest.mark.parametrize("days", [(1, 3), (3, 1), (9, 3)], ids=["in_order", "pulled_later", "a_clock_ahead"])
    def test_the_component_is_that_of_the_latest_session_whatever_the_order(
        self, file: Path, days: tuple[int, int]
    ) -> None:
        for day in days:
            made = session(day, [point(component="new" if day == 3 else "old")])
            append(file, [made], START_S, now_s=START_S + 5 * DAY_S)
        assert [component for _, component in series(file, START_S)] == ["new"]

    def test_a_session_counts_once(self, file: Path) -> None:
        assert append(file, [session(1)], START_S) == 1
        assert append(file, [session(1, [point(9.0)]), session(2)], START_S) == 1
        assert [one.points[0].value for one in sessions(file, START_S)] == [4e6, 4e6]

    def test_old_sessions_are_neither_taken_nor_shown_and_go_bit_by_bit(self, file: Path) -> None:
        append(file, [session(at) for at in range(30)], START_S)
        now_s, oldest_s = START_S + 30 * DAY_S, START_S + 20 * DAY_S
        assert append(file, [session(3), session(30)], oldest_s, now_s=now_s) == 1
        assert len(sessions(file, oldest_s)) == 11
        assert len(sessions(file, 0)) == 23
        for _ in range(3):
            append(file, [], oldest_s, now_s=now_s)
        assert len(sessions(file, 0)) == 13
        assert len(trends(file, [MEDIAN], 0)[0].points) == 13

    def test_old_sessions_of_the_anchor_are_taken_shown_and_kept(self, file: Path) -> None:
        anchor, oldest_s = session(0).circumstances.commit, START_S + 5 * DAY_S
        assert append(file, [session(0), session(1), session(9)], oldest_s, anchor) == 2
        assert len(trends(file, [MEDIAN], oldest_s, anchor)[0].points) == 2
        assert len(trends(file, [MEDIAN], oldest_s)[0].points) == 1
        now_s, oldest_s = START_S + 17 * DAY_S, START_S + 13 * DAY_S
        append(file, [session(at) for at in range(10, 18)], 0)
        append(file, [], oldest_s, anchor, now_s=now_s)
        assert session(0) in sessions(file, 0)
        assert session(9) not in sessions(file, 0)
        append(file, [], oldest_s, now_s=now_s)
        assert session(0) not in sessions(file, 0)

    @pytest.mark.parametrize("ahead", [20, 365])
    def test_a_clock_that_is_ahead_removes_nothing_that_is_young(self, file: Path, ahead: int) -> None:
        """Two machines take turns for 30 days, and the clock of one of them is ahead."""
        append(file, [session(at) for at in range(41)], START_S)
        for day in range(41, 71):
            for number, at_s in ((day, START_S + day * DAY_S), (1000 + day, START_S + (day + ahead) * DAY_S)):
                append(file, [session(number, at_s=at_s)], at_s - 30 * DAY_S, now_s=at_s)
            young = {session(at).circumstances.id for at in range(day - 30, day + 1)}
            assert young <= {one.circumstances.id for one in sessions(file, 0)}
        assert session(0) not in sessions(file, 0)

    def test_sessions_that_are_all_too_old_go_when_as_many_days_have_sessions(self, file: Path) -> None:
        append(file, [session(at) for at in range(5)], START_S)
        for day in range(100, 108):
            now_s = START_S + day * DAY_S
            append(file, [session(day)], now_s - 5 * DAY_S, now_s=now_s)
            assert (session(0) in sessions(file, 0)) is (day < 103)
        assert [int(one.circumstances.id, 16) for one in sessions(file, 0)] == list(range(100, 108))

    def test_readers_and_a_writer_do_not_wait_for_each_other(self, file: Path) -> None:
        append(file, [session()], START_S)
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_the_new_folder_is_ignored_by_git_and_an_old_folder_is_left_alone(self, file: Path, tmp_path: Path) -> None:
        append(file, [session()], START_S)
        append(tmp_path / "history.db", [session()], START_S)
        assert (file.parent / ".gitignore").read_text("utf-8") == "*\n"
        assert not (tmp_path / ".gitignore").exists()


class TestTrends:
    """The points of one number in the order of time."""

    def test_a_trend_has_the_points_of_its_number_by_time(self, file: Path) -> None:
        append(file, [session(at, [point(float(at)), point(7.0, metric="p95")]) for at in (2, 0, 1)], START_S)
        (trend,) = trends(file, [MEDIAN], START_S)
        assert trend.values == [0.0, 1.0, 2.0]
        assert trend.points[1].commit == session(1).circumstances.commit
        assert (trend.component, trend.unit) == ("web", "ns")

    def test_sessions_of_the_same_second_are_in_the_order_in_which_they_were_appended(self, file: Path) -> None:
        for name in ("b", "c", "a"):
            append(file, [session(id=name, branch=name)], START_S)
        assert [one.circumstances.branch for one in sessions(file, START_S)] == ["b", "c", "a"]
        assert [one.branch for one in trends(file, [MEDIAN], START_S)[0].points] == ["b", "c", "a"]

    def test_a_session_that_is_dated_in_the_future_has_the_place_at_which_it_was_appended(self, file: Path) -> None:
        append(file, [session(0), session(1, at_s=START_S + 365 * DAY_S), session(2)], START_S)
        (trend,) = trends(file, [MEDIAN], START_S, now_s=START_S + 3 * DAY_S)
        assert [one.commit for one in trend.points] == [session(at).circumstances.commit for at in range(3)]
        assert [(one.at_s - START_S) / DAY_S for one in trend.points] == [0, 0, 2]
        (later,) = trends(file, [MEDIAN], START_S, now_s=START_S + 400 * DAY_S)
        assert later.points[-1].commit == session(1).circumstances.commit

    def test_the_component_is_that_of_the_last_session(self, file: Path) -> None:
        append(file, [session(0), session(1, [point(component="api")])], START_S)
        assert series(file, START_S) == [(MEDIAN, "api")]

    def test_a_series_without_a_recent_point_is_not_listed(self, file: Path) -> None:
        append(file, [session(0), session(1, [point(metric="p95")])], START_S)
        assert [one.metric for one, _ in series(file, START_S + 0.5 * DAY_S)] == ["p95"]


class TestOtherFiles:
    """A file that is no history stays as it is, and the message says so in a line."""

    @pytest.mark.parametrize("content", [b"name,value\n" * 200, b"text"], ids=["long", "short"])
    def test_a_text_is_refused(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "numbers.db"
        file.write_bytes(content)
        for use in (lambda: append(file, [session()], START_S), lambda: sessions(file, START_S)):
            with pytest.raises(HistoryError, match=r"this file is of another program: name another file$"):
                use()
        assert file.read_bytes() == content

    def test_a_database_of_another_program_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "other.db"
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE session (name)")
        before = file.read_bytes()
        with pytest.raises(HistoryError, match=r"this file is of another program: name another file$"):
            append(file, [session()], START_S)
        assert file.read_bytes() == before

    def test_a_later_schema_is_refused(self, file: Path) -> None:
        append(file, [session()], START_S)
        with closing(sqlite3.connect(file)) as later:
            later.execute("PRAGMA user_version = 99")
        with pytest.raises(HistoryError, match=r"schema 99 is of a later pytest-perfbudget: upgrade"):
            append(file, [session(1)], START_S)

    def test_a_missing_file_is_not_created_by_reading(self, file: Path) -> None:
        with pytest.raises(HistoryError, match=r"there is no such file; pytest --perf-history="):
            sessions(file, START_S)
        assert not file.exists()

    def test_a_folder_that_is_a_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", "utf-8")
        with pytest.raises(HistoryError, match=r"^history .*history.db: ") as found:
            append(tmp_path / "file" / "history.db", [session()], START_S)
        assert "\n" not in str(found.value)

    def test_a_name_that_is_no_text_is_one_line_and_the_file_stays_whole(self, file: Path) -> None:
        append(file, [session(1)], START_S)
        with pytest.raises(HistoryError, match=r"the name '\\udcff' is no text"):
            append(file, [session(2, [point(component="\udcff")])], START_S)
        assert len(sessions(file, START_S)) == 1

    def test_a_damaged_file_is_refused(self, file: Path) -> None:
        append(file, [session(at) for at in range(40)], START_S)
        content = bytearray(file.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        file.write_bytes(content)
        with pytest.raises(HistoryError, match="the file is damaged"):
            append(file, [session(99)], START_S)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither SIGKILL nor limits on files")
class TestAccidents:
    """Whatever happens to a writer, each session is there whole or not at all."""

    def test_nothing_is_lost_when_writers_are_killed(self, file: Path) -> None:
        with started(file, "kill_writers(sys.argv[1], 5)") as process:
            assert process.stdout is not None
            written = {int(line) for line in process.stdout if line.endswith("\n")}
        assert process.returncode == 0
        assert {at // 1000 for at in written} == set(range(5))
        assert_whole(file, written)

    def test_a_full_disk_loses_only_the_session_that_has_no_room(self, file: Path) -> None:
        limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
        with started(file, f"{limit}; write(sys.argv[1], 0, 1000)") as process:
            assert process.stdout is not None
            *written, problem = process.stdout.read().splitlines()
        assert re.search(r"^history .*full: nothing was written$", problem)
        assert len(written) > 3
        assert_whole(file, set(map(int, written)))

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_a_closed_history_is_read_where_nothing_can_be_written(self, file: Path, *, is_closed: bool) -> None:
        append(file, [session(0)], 0)
        with closing(sqlite3.connect(file)) as writer:
            if not is_closed:  # the last session is in the file beside it, which only a writer can move
                writer.execute("PRAGMA user_version = 2")
                Path(f"{file}-shm").unlink()
            program = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); from pytest_perfbudget.history.store import *"
            read = "try: print(len(sessions(Path(sys.argv[1]), 0)))\nexcept Exception as error: print(error)"
            with started(file, f"{program}\n{read}") as process:
                assert process.stdout is not None
                said = process.stdout.read()
        assert said == "1\n" if is_closed else said.startswith(f"history {file}: the disk cannot be written")

    def test_a_writer_that_waits_in_vain_says_so_and_writes_nothing(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pytest_perfbudget.history.store._WAIT_S", 0.0)
        append(file, [session(0)], 0)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(HistoryError, match=r"another process has been writing for 0 s: nothing was written$"):
                append(file, [session(1)], 0)
            other.execute("ROLLBACK")
        append(file, [session(2)], 0)
        assert sessions(file, 0) == [session(0), session(2)]

    def test_writers_that_begin_a_history_together_lose_nothing(self, file: Path) -> None:
        with started(file, "begin_together(sys.argv[1], 4)") as process:
            assert process.stdout is not None
            written = {int(line) for line in process.stdout}
        assert len(written) == 80
        assert_whole(file, written)


def test_a_test_has_a_component_of_its_own_in_each_project(file: Path) -> None:
    append(file, [session(0, [point(component="web")], folder="a"), session(1, [point(component="db")], folder="b")], 0)
    append(
        file, [session(2, [point(component="mail")], folder="b"), session(-1, [point(component="x")], folder="a")], 0
    )
    components = {one: [component for _, component in series(file, 0, one)] for one in ("a", "b", None)}
    assert components == {"a": ["web"], "b": ["mail"], None: ["mail"]}
    assert [trends(file, [MEDIAN], 0, folder=one)[0].component for one in ("a", "b", None)] == ["web", "mail", "mail"]
    assert [one.points[0].component for one in sessions(file, 0)] == ["web", "web", "mail", "mail"]


def test_projects_of_one_repository_have_trends_of_their_own(file: Path) -> None:
    """Two projects may have tests of the same name."""
    for at in range(4):
        append(file, [session(2 * at, [point(4e6)], folder="a"), session(2 * at + 1, [point(9e6)], folder="b")], 0)
    append(file, [session(9, [point(1e6, test="only_in_b")], folder="b")], 0)
    assert folders(file, 0) == {"a": 4, "b": 5}
    values = {folder: trends(file, [MEDIAN], 0, folder=folder)[0].values for folder in ("a", "b", "c", None)}
    assert values == {"a": [4e6] * 4, "b": [9e6] * 4, "c": [], None: [4e6, 9e6] * 4}
    assert [len(series(file, 0, folder)) for folder in ("a", "b", "c", None)] == [1, 2, 0, 2]
