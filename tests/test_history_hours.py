"""`perfbudget history` of a component that runs in a service: its hours, beside the sessions of its tests."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from histories import SERVICE_S, history, process, session, window

from pytest_perfbudget.cli import main
from pytest_perfbudget.core.history.service_window import HOUR_S, MINUTE_S, ServiceWindow
from pytest_perfbudget.history.store import append
from pytest_perfbudget.history.windows import append_windows

GOLDEN = Path(__file__).parent / "report" / "golden" / "history_service.txt"
TABLE = '[tool.perfbudget]\nhistory = "kept.db"\nhistory_days = 3650\n'


def minutes() -> Iterator[ServiceWindow]:
    """Yield minutes of thirty hours: `db.read` gets slower in the last ten, and `mail` has errors."""
    chosen = random.Random(5)
    for minute in range(0, 30 * 60, 10):
        slow = 1 if minute < 20 * 60 else 1.5
        yield window(minute, "db.read", [slow * chosen.lognormvariate(1.5, 0.3) for _ in range(20)])
        yield window(minute, "mail", [chosen.lognormvariate(4, 0.5)])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a history of sessions and of a service."""
    (tmp_path / "pyproject.toml").write_text(TABLE, "utf-8")
    append(tmp_path / "kept.db", history(), 0)
    append_windows(tmp_path / "kept.db", list(minutes()), process("a", SERVICE_S), 0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["history", *arguments]) == code
    found = capsys.readouterr()
    return found.out if code == 0 else found.err


def test_the_hours_stand_below_the_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "db.read")
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 60


def test_a_component_without_tests_has_its_hours_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "mail").startswith("mail in service\n  31 hours with requests, 2026-09-21 to 2026-09-22\n")


def test_a_beginning_of_the_name_shows_each_component_within(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "db")
    assert text.startswith("3 measurements from")
    assert "\ndb.read in service\n" in text
    assert "mail in service" not in text


def test_a_test_is_shown_without_hours(capsys: pytest.CaptureFixture[str]) -> None:
    assert "in service" not in said(capsys, "test_login")


def test_the_list_names_the_components_that_serve(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    assert text.endswith("\n\nIn service: db.read, mail\n")
    assert max(map(len, text.splitlines())) <= 60


def test_a_history_of_a_service_alone_is_listed(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    append_windows(project / "other.db", list(minutes()), process("a", SERVICE_S), 0)
    assert said(capsys, "--file=other.db") == "In service: db.read, mail\n"


def test_a_history_of_sessions_alone_names_no_service(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    append(project / "other.db", [session()], 0)
    assert "In service" not in said(capsys, "--file=other.db")


@pytest.mark.parametrize("name", [["db.read"], []])
def test_json_has_the_hours(capsys: pytest.CaptureFixture[str], name: list[str]) -> None:
    hours = json.loads(said(capsys, *name, "--json"))["service"]
    assert {one["component"] for one in hours} == ({"db.read"} if name else {"db.read", "mail"})
    reading = [one for one in hours if one["component"] == "db.read"]
    assert sum(one["count"] for one in reading) == 30 * 6 * 20
    assert reading[0]["start_s"] == SERVICE_S // HOUR_S * HOUR_S
    assert 4e6 < reading[0]["p50_ns"] < reading[0]["p95_ns"] < reading[0]["p99_ns"]


def test_a_metric_of_a_component_that_only_serves(capsys: pytest.CaptureFixture[str]) -> None:
    problem = said(capsys, "mail", "--metric=zzz", code=2)
    assert "no 'zzz' here: it has the hours of services only: leave out --metric" in problem


def test_a_name_that_is_near_a_component_in_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no test or component 'mial': did you mean 'mail'" in said(capsys, "mial", code=2)


def test_hours_that_are_too_old_are_left_out(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    old = window(-60 * 24 * 3700, "archive")
    append_windows(project / "kept.db", [old], process("a", SERVICE_S + MINUTE_S), 0)
    assert "archive" not in said(capsys)
