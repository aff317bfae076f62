"""`perfbudget dashboard PATH.db`: a service by its history, in the terminal and as a page."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from histories import SERVICE_S, START_S, process, session, window
from rich.console import Console

from pytest_perfbudget.cli import main
from pytest_perfbudget.config import parse_settings
from pytest_perfbudget.core.history.service_window import DAY_S, MINUTE_S, ServiceWindow
from pytest_perfbudget.core.tally import Tally
from pytest_perfbudget.errors import MonitorError
from pytest_perfbudget.history.store import append
from pytest_perfbudget.history.windows import append_windows
from pytest_perfbudget.monitor import Monitor, recorded
from pytest_perfbudget.monitor.dashboard import dashboard
from pytest_perfbudget.monitor.page import PageServer
from pytest_perfbudget.monitor.recorded import RecordedService

Make = Callable[..., Monitor]
TABLE: dict[str, Any] = {
    "components": {"gateway": {"p95_ms": 50}, "storage": {"p95_ms": 20}},
    "alerts": {"slow-storage": {"metric": "p95_ms", "component": "storage", "limit": 100, "window": "1m"}},
}
END_S = 1_700_000_040 + 3 * 3600


@pytest.fixture
def file(tmp_path: Path, make_monitor: Make, wall: Any) -> Path:
    """The history of a service of three hours, whose storage is slow in the last quarter of an hour."""
    wall.now_ns = 1_700_000_040 * 10**9
    made = tmp_path / "kept.db"
    monitor = make_monitor(TABLE, history=made)
    for half_minute in range(360):
        is_slow, fails = half_minute >= 330, half_minute % 120 == 0
        for number in range(3):
            monitor.observe("gateway.call", 0.008 + 0.001 * number)
            monitor.observe("storage", 0.2 if is_slow else 0.004, "KeyError: 'agent-7'" if fails else None)
        wall.advance(30)
        if half_minute % 10 == 9:
            monitor.check()
    return made


def recorded_service(file: Path, table: dict[str, Any] | None = None, **options: Any) -> RecordedService:
    given = {"clock": lambda: END_S + 600, **options}
    return RecordedService(file, parse_settings(TABLE if table is None else table, "pyproject.toml"), **given)


def append_from_a_year_ahead(file: Path) -> None:
    """Append a minute of a process whose clock is a year ahead."""
    start_s = END_S // MINUTE_S * MINUTE_S + 365 * DAY_S
    minute = ServiceWindow("gateway", start_s, MINUTE_S, Tally.of([10**9]))
    append_windows(file, [minute], process("ahead", start_s + MINUTE_S, errors=[], alerts=[]), 0)


def drawn(summary: dict[str, Any], width: int = 140) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(dashboard(summary, width))
    return re.sub(r" +$", "", captured.get(), flags=re.MULTILINE)


EXPECTED = """
health 54 of 100   Apdex 0.87   over 1h   ran 3 h, until 10 min ago
component   health  req/s  req/min      p50     p95     p99  errors     budget  p95, 24 h
gateway        100   0.10     6.00  9.04 ms   10 ms   10 ms       0    p95 20%                      ████
storage          8   0.10     6.00  4.03 ms  199 ms  199 ms       0  p95 9.96x                      ▁▁▁█
ALERT slow-storage: p95_ms of storage 200, limit 100, over 1m, for 10 min, until 10 min ago
storage: p95 199 ms exceeds its budget of 20 ms; limit p95_ms from pyproject.toml [tool.perfbudget.components."storage"]
9 errors in storage, the last 60 min ago: KeyError: 'agent-7'
note: from the history in kept.db, whose last minute ended 10 min ago, at 2023-11-15 01:14 UTC
"""


class TestSummary:
    """The last hour is judged, and the trends reach back a day."""

    def test_the_picture_is_that_of_the_service(self, file: Path) -> None:
        assert drawn(recorded_service(file).summary()).splitlines() == EXPECTED.strip().splitlines()

    def test_the_numbers_are_those_that_the_service_itself_shows(
        self, file: Path, make_monitor: Make, wall: Any
    ) -> None:
        monitor = make_monitor(TABLE, judged_over="1h", history=file.parent / "other.db")
        wall.now_ns = 1_700_000_040 * 10**9
        for _ in range(10):
            for number in range(100):
                monitor.observe("gateway", 0.001 * number, "TimeoutError" if number == 7 else None)
            wall.advance(60)
            monitor.check()
        wall.now_ns -= 1
        live, read = monitor.summary(), recorded_service(file.parent / "other.db").summary()
        for name, component in live["components"].items():
            for window_name in ("5m", "15m", "1h", "24h"):
                assert read["components"][name]["windows"][window_name] == component["windows"][window_name]
            assert read["components"][name]["budgets"] == component["budgets"]
        assert (read["health_score"], read["apdex"]) == (live["health_score"], live["apdex"])
        assert read["errors"] == live["errors"]
        assert set(read) == set(live)

    def test_the_budgets_are_those_of_the_reader(self, file: Path) -> None:
        strict = recorded_service(file, {"p95_ms": 5}).summary()
        assert strict["components"]["gateway"]["budgets"][0]["verdict"] == "exceeded"
        assert recorded_service(file, {}).summary()["components"]["gateway"]["budgets"] == []

    def test_a_service_that_has_ended_stays_readable(self, file: Path) -> None:
        summary = recorded_service(file, clock=lambda: END_S + 3 * DAY_S).summary()
        assert summary["components"]["gateway"]["windows"]["1h"]["count"] > 300
        assert summary["notes"][-1].startswith(
            "from the history in kept.db, whose last minute ended 3 d ago, at 2023-11-15"
        )

    def test_a_service_that_goes_on_is_up(self, file: Path) -> None:
        shown = drawn(recorded_service(file, clock=lambda: END_S + 60).summary())
        assert "   up 3 h\n" in shown
        assert "until" not in shown

    def test_a_service_that_ends_within_a_minute_has_ended_by_now(
        self, file: Path, make_monitor: Make, wall: Any
    ) -> None:
        """The minute in which the service ends goes on for 50 s."""
        wall.now_ns = 1_700_000_050 * 10**9
        ended = file.parent / "ended.db"
        monitor = make_monitor(TABLE, history=ended)
        monitor.observe("gateway", 0.02)
        monitor.close()
        summary = recorded_service(ended, clock=lambda: wall.now_ns / 10**9 + 5).summary()
        assert summary["notes"][-1].endswith("whose last minute ended 5 s ago, at 2023-11-14 22:14 UTC")
        assert summary["at_ns"] <= wall.now_ns
        assert summary["components"]["gateway"]["windows"]["1h"]["count"] == 1

    def test_a_minute_that_an_earlier_version_wrote_before_its_end_ends_by_now(self, file: Path) -> None:
        note = recorded_service(file, clock=lambda: END_S - 90).summary()["notes"][-1]
        assert note.endswith("whose last minute ended 0 s ago, at 2023-11-15 01:12 UTC")

    def test_a_component_with_limits_and_without_requests_is_named(self, file: Path) -> None:
        table = {**TABLE, "components": {**TABLE["components"], "mail": {"p95_ms": 5}, "cli": {"max_calls": 5}}}
        notes = recorded_service(file, table).summary()["notes"]
        assert notes[0] == "mail: has limits, and no requests in the last day of this history"
        assert not [one for one in notes if one.startswith(("gateway", "storage", "cli"))]

    def test_a_component_without_requests_for_an_hour_is_silent(self, file: Path) -> None:
        append_windows(file, [], process("late", END_S + 7200), 0)
        summary = recorded_service(file, clock=lambda: END_S + 7200).summary()
        assert summary["components"]["storage"]["silent_s"] == pytest.approx(7200, abs=1)
        assert summary["components"]["storage"]["health_score"] is not None

    def test_a_process_whose_clock_is_ahead_hides_no_other(self, file: Path) -> None:
        before = recorded_service(file).summary()
        append_from_a_year_ahead(file)
        summary = recorded_service(file).summary()
        *notes, note = summary.pop("notes")
        assert note == "left out: the minutes of a machine whose clock is 365 d ahead: set its clock"
        assert {**summary, "notes": notes} == before

    def test_an_hour_that_such_a_process_merged_before_its_end_is_shown(self, file: Path) -> None:
        for _ in range(9):  # an append merges an hour of two components
            append_from_a_year_ahead(file)
        windows = recorded_service(file).summary()["components"]["gateway"]["windows"]
        assert (windows["1h"]["count"], windows["24h"]["count"]) == (
            360 + 84,
            1080,
        )  # an hour, and 14 minutes of the next

    def test_a_service_whose_every_process_is_ahead_is_shown_with_how_far(self, file: Path) -> None:
        behind = recorded_service(file, clock=lambda: END_S - 3 * DAY_S).summary()
        assert behind["components"]["gateway"]["windows"]["1h"]["count"] > 300
        assert behind["notes"][-1].startswith(
            "from the history in kept.db, whose last minute lies 3 d ahead of this machine's clock, at 2023-11-15"
        )

    def test_of_several_processes_the_worst_state_of_an_alert_counts(self, file: Path) -> None:
        states = [{"alert": "slow-storage", "state": state} for state in ("clear", "firing", "pending")]
        for writer, state in zip("abc", states, strict=True):
            append_windows(file, [], process(writer, END_S + 60, alerts=[state]), 0)
        gone = process("d", END_S - 3600, alerts=[{"alert": "of-a-process-that-is-gone", "state": "firing"}])
        append_windows(file, [], gone, 0)
        summary = recorded_service(file).summary()
        assert summary["alerts"] == [states[1]]
        assert summary["processes"] == 4

    def test_only_a_new_minute_is_read(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        service = recorded_service(file, clock=lambda: SERVICE_S + 120)
        before = service.summary()
        with monkeypatch.context() as patch:
            patch.delattr(recorded, "windows_since")
            assert service.summary() == before
        append_windows(file, [window()], process("b", SERVICE_S + 60), 0)
        assert service.summary()["at_ns"] > before["at_ns"]


class TestNothingToShow:
    """A file that cannot be shown is one line with what to do."""

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("missing.db", r"missing\.db: there is no such file$"),
            ("empty.db", r"empty\.db: no service has written to this history: set history = true in \[tool"),
            ("sessions.db", r"sessions\.db: no service has written to this history: set history = true in \[tool"),
            ("later.db", r"later\.db: its schema 99 is of a later pytest-perfbudget: upgrade, or name another file$"),
            ("text.db", r"text\.db: this file is of another program: name another file$"),
        ],
    )
    def test_a_file_without_a_service(self, tmp_path: Path, name: str, message: str) -> None:
        (tmp_path / "empty.db").write_bytes(b"")
        (tmp_path / "text.db").write_text("name,value\n" * 99, "utf-8")
        for known in ("sessions.db", "later.db"):
            append(tmp_path / known, [session()], START_S)
        with closing(sqlite3.connect(tmp_path / "later.db")) as later:
            later.execute("PRAGMA user_version = 99")
        with pytest.raises(MonitorError, match=message):
            recorded_service(tmp_path / name).summary()


class TestCommand:
    """The command takes a path, and without an address the history of the project."""

    def test_once_prints_and_ends(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["dashboard", str(file), "--once"]) == 0
        assert "storage" in capsys.readouterr().out

    def test_the_history_of_the_project_is_shown_by_its_budgets(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = '[tool.perfbudget]\nhistory = "kept.db"\ncomponents.gateway.p95_ms = 2\n'
        (file.parent / "pyproject.toml").write_text(table, "utf-8")
        monkeypatch.chdir(file.parent)
        assert main(["dashboard", "--once"]) == 0
        assert "exceeds its budget of 2 ms" in " ".join(capsys.readouterr().out.split())

    def test_without_an_address_and_a_history_it_says_what_to_name(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "pyproject.toml").write_text("", "utf-8")
        monkeypatch.chdir(tmp_path)
        assert main(["dashboard", "--once"]) == 2
        assert (
            "name a service by its address, such as http://127.0.0.1:8000, or by its history" in capsys.readouterr().err
        )

    def test_an_existing_file_is_a_history_and_no_address(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "README.md").write_text("# Shop", "utf-8")
        monkeypatch.chdir(tmp_path)
        assert main(["dashboard", "README.md", "--once"]) == 2
        assert "history README.md: this file is of another program: name another file" in capsys.readouterr().err

    @pytest.mark.parametrize("way", [["--once"], [], ["--serve", "0"]])
    def test_a_history_without_a_service_is_exit_code_2(
        self, tmp_path: Path, way: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        append(tmp_path / "sessions.db", [session()], START_S)
        assert main(["dashboard", str(tmp_path / "sessions.db"), *way]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_serve_shows_the_same_as_a_page(
        self, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events: list[bytes] = []

        def interrupted(server: PageServer) -> None:
            events.append(server.event())
            raise KeyboardInterrupt

        monkeypatch.setattr(PageServer, "serve_forever", interrupted)
        assert main(["dashboard", str(file), "--serve", "0"]) == 0
        assert f" shows {file}; Ctrl+C ends the page" in capsys.readouterr().out
        assert b'"points_over": "24 h"' in events[0]
