"""What is said of an update of the baseline."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.baseline.update import LineUpdate
from pytest_perfbudget.core.baseline_update import BaselineUpdate, UpdateAction, UpdatedNumber, UpdateSummary
from pytest_perfbudget.core.load.differences import Effect, LoadDifference
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.report.formats.table import render_updates
from pytest_perfbudget.report.updates import update_lines, update_rows

GOLDEN = Path(__file__).parent / "golden"


def updated(
    test: str, action: UpdateAction, before_ns: float | None, after_ns: float | None, **ratios: float
) -> BaselineUpdate:
    def line(time_ns: float | None) -> Line | None:
        if time_ns is None:
            return None
        time = Reference(time_ns, 0.01, 10, 40, 9.0, 0.0, 0.1, (0.3, 0.3, 0.3), (1.0, 1.0, 1.0))
        return Line(key, time, {"calls": 100, "peak": 1_000_000})

    key = Key(f"tests/test_api.py::{test}", "", "m")
    return LineUpdate(key, action, line(after_ns), line(before_ns), ratios).result()


UPDATES = [
    updated("test_same", UpdateAction.UNCHANGED, 1e6, 1e6, time=1.001),
    updated("test_new", UpdateAction.NEW, None, 1.84e6),
    updated("test_faster", UpdateAction.IMPROVED, 1e6, 0.7e6, time=0.7),
    updated("test_slower", UpdateAction.REFUSED, 1e6, 1e6, time=1.3),
    updated("test_dearer", UpdateAction.ACCEPTED, 1e6, 2.5e6, time=2.5),
    updated("test_gone", UpdateAction.REMOVED, 1e6, None),
]


def test_each_number_says_what_became_of_it() -> None:
    both = updated("test_x", UpdateAction.REFUSED, 1e6, 1e6, time=0.5, peak=3.0)
    assert list(update_rows(both)) == [
        ("time", "1 ms", "500 us", "-50 %", "faster (kept)"),
        ("peak", "1 MB", "3 MB", "3.0x", "more (kept)"),
    ]
    fewer = updated("test_x", UpdateAction.IMPROVED, 1e6, 1e6, calls=0.5)
    assert [row[-1] for row in update_rows(fewer)] == ["less"]


def test_a_number_that_has_no_ratio_says_the_action_on_its_line() -> None:
    new = BaselineUpdate("t", "", UpdateAction.NEW, [UpdatedNumber("time", None, 1e6)])
    assert list(update_rows(new)) == [("time", "", "1 ms", "", "new")]


@pytest.mark.parametrize(("name", "color"), [("updates", False), ("updates_color", True)])
def test_the_table_looks_as_it_did(name: str, color: bool) -> None:
    drawn = render_updates(UPDATES, width=90, color=color, unicode=True)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        file.write_text(drawn, "utf-8")
    assert drawn == file.read_text("utf-8")


def test_a_table_without_a_change_is_left_out() -> None:
    assert render_updates(UPDATES[:1], width=90, color=False, unicode=True) == ""


def test_an_update_ends_with_what_it_did_and_what_is_left_to_do() -> None:
    assert list(update_lines(UpdateSummary("perf-baseline.json", UPDATES))) == [
        "perf-baseline.json: 1 slower (kept), 1 slower (accepted), 1 new, 1 better, 1 removed, 1 unchanged",
        "to accept the slower test: pytest --perf-update-baseline --perf-reason 'why it may be slower' tests/test_api.py::test_slower",
    ]


def test_numbers_of_uncommitted_code_ask_for_a_commit() -> None:
    new = BaselineUpdate("a.py::t", "", UpdateAction.NEW)
    assert list(update_lines(UpdateSummary("b.json", [new], is_uncommitted=True)))[1:] == [
        "measured with changes that no commit has: commit them together with the baseline and without further changes, "
        "so that a later slowdown can be confirmed beside this code"
    ]


def test_new_times_that_differ_much_between_processes_ask_for_a_calmer_machine() -> None:
    """As on a busy machine, where a baseline would find large slowdowns only, and nobody would know."""
    rough = BaselineUpdate("a.py::t", "parse", UpdateAction.NEW, spread=math.log(1.07), told_without_pairs=0.528)
    calm = BaselineUpdate("a.py::u", "", UpdateAction.NEW, spread=0.02)
    found = [list(update_lines(UpdateSummary("b.json", lines)))[1:] for lines in ([calm], [calm, rough])]
    assert found == [
        [],
        [
            "the time of 1 new line differs by more than 5 % between processes (standard deviation; a.py::t parse: "
            "7 %): the line alone tells slowdowns from 53 % on, smaller ones only in pairs beside its commit. Update again when "
            "the machine is calmer"
        ],
    ]
    (text,) = list(update_lines(UpdateSummary("b.json", [rough, replace(rough, spread=0.06, told_without_pairs=0.4)])))[
        1:
    ]
    assert text.startswith("the times of 2 new lines differ by more than 5 % between processes (standard deviation; ")
    assert "a.py::t parse: 7 %): the least certain alone tells slowdowns from 53 % on" in text


class TestOtherLoad:
    """A load whose parameters differ from those in its line."""

    EASIER = LoadDifference("10 users", "8 users", Effect.EASIER)
    HARDER = LoadDifference("10 users", "12 users", Effect.HARDER)

    def test_each_parameter_has_a_row_before_the_numbers(self) -> None:
        kept = BaselineUpdate("t", "", UpdateAction.REFUSED, [UpdatedNumber("time", 1e6, 2e6, 2.0)], [self.EASIER])
        assert list(update_rows(kept)) == [
            ("load", "10 users", "8 users", "", "easier (kept)"),
            ("time", "1 ms", "2 ms", "2.0x", "slower (kept)"),
        ]
        assert next(update_rows(replace(kept, action=UpdateAction.ACCEPTED)))[-1] == "easier (accepted)"
        harder = BaselineUpdate("t", "", UpdateAction.NEW, load=[self.HARDER])
        assert list(update_rows(harder)) == [("load", "10 users", "12 users", "", "harder (accepted)")]

    def test_an_easier_load_asks_for_a_reason_and_a_harder_load_does_not(self) -> None:
        kept = BaselineUpdate("a.py::t", "", UpdateAction.REFUSED, load=[self.EASIER])
        slower = BaselineUpdate("a.py::s", "", UpdateAction.REFUSED, [UpdatedNumber("time", 1e6, 2e6, 2.0)])
        assert list(update_lines(UpdateSummary("b.json", [kept, slower]))) == [
            "b.json: 1 slower (kept), 1 other load (kept)",
            "to accept the slower test: pytest --perf-update-baseline --perf-reason 'why it may be slower' a.py::s",
            "to accept the other load: pytest --perf-update-baseline --perf-reason 'why the load differs' a.py::t",
        ]
        harder = BaselineUpdate("a.py::t", "", UpdateAction.NEW, load=[self.HARDER])
        assert list(update_lines(UpdateSummary("b.json", [harder]))) == ["b.json: 1 harder load"]


def test_an_update_that_did_nothing_says_why() -> None:
    assert list(update_lines(UpdateSummary("b.json"))) == ["no perf test was measured: the baseline is unchanged"]
    assert list(update_lines(UpdateSummary("b.json", problem="the disk is full"))) == ["the disk is full"]
