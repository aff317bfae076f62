"""What is said about the baseline; the tables against golden files, as in test_terminal."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_perfbudget.baseline.schema import Key, Line
from pytest_perfbudget.baseline.update import LineUpdate, UpdateAction
from pytest_perfbudget.core.reference import Reference
from pytest_perfbudget.core.results import Growth, Measurement, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.changes import (
    change_notes,
    changes_text,
    percent,
    regression_verdicts,
    standings_text,
    update_progress_text,
    update_rows,
    update_text,
)
from pytest_perfbudget.report.formats.terminal import render_changes, render_revisions

GOLDEN = Path(__file__).parent / "golden"


def change(verdict: RegressionVerdict = RegressionVerdict.REGRESSED, **more: Any) -> RegressionResult:
    given: dict[str, Any] = {
        "before": 1.64e6, "after": 1.843e6, "ratio": 1.124, "lower": 1.098, "upper": 1.151, "limit": 0.05,
        "source": "the default", "runs": 5, "weather": 1.0, "commit": "3f2a91c", "date": "2026-11-20",
        "p_value": 8.1e-6, "alpha": 4.17e-4,
    }  # fmt: skip
    return RegressionResult("time", verdict, **{**given, **more})


def measurement(
    *changes: RegressionResult, nodeid: str = "tests/test_api.py::test_login", name: str = ""
) -> Measurement:
    return Measurement(nodeid, name, "body", "", 59, 1, 60.0, 5, {"median": 1.8e6}, [], changes=changes)


SLOWER = measurement(change(weather=1.38, grown=[Growth("hive.tokens:verify", 1, 41), Growth("jwt:decode", None, 41)]))


def test_a_failure_says_by_how_much_how_sure_since_when_whose_limit_and_what_to_do() -> None:
    assert changes_text([SLOWER], strict=False) == (
        "12.4 % slower than the baseline (95 % interval +9.8 % .. +15.1 %)\n"
        "  1.84 ms, baseline 1.64 ms (commit 3f2a91c, 2026-11-20); 5 fresh processes\n"
        "  unchanged code would look so slow once in 120,000 times (red: less than once in 2,400 times)\n"
        "  the machine ran 38 % slower than for the baseline; that is taken out of these numbers\n"
        "  limit 5 % from the default\n"
        "Called more often:\n"
        "  1 -> 41 calls of hive.tokens:verify\n"
        "  few -> 41 calls of jwt:decode\n"
        "Make it faster, or accept it: pytest --perf-update-baseline --perf-reason '...' tests/test_api.py::test_login"
    )


def test_a_growth_of_counts_says_so_and_the_culprits_are_named_once() -> None:
    calls = RegressionResult("calls", RegressionVerdict.REGRESSED, "calls", 120, 4120, 34.3, limit=0.05, source="the default", grown=[Growth("a:b", 1, 41)])  # fmt: skip
    peak = RegressionResult(
        "peak", RegressionVerdict.REGRESSED, "bytes", 1e6, 1.2e6, 1.2, limit=0.05, source="the default"
    )
    assert changes_text([measurement(calls, peak, name="parse")], strict=False).splitlines()[:-1] == [
        "parse: 34.3 times the function calls of the baseline",
        "  4,120, baseline 120; the lowest count here and in fresh processes",
        "  limit 5 % from the default",
        "parse: 20 % more peak memory than the baseline",
        "  1.20 MB, baseline 1 MB; the lowest count here and in fresh processes",
        "  limit 5 % from the default",
        "Called more often:",
        "  1 -> 41 calls of a:b",
    ]


def test_where_the_time_goes_is_shown_for_a_slower_test_with_a_profile() -> None:
    profiled = replace(SLOWER, profile=[("hive.tokens:verify, line 88", 41, 0.91)])
    assert "   91%  41 calls of hive.tokens:verify, line 88" in changes_text([profiled], strict=False).splitlines()


def test_node_ids_are_quoted_for_the_shell() -> None:
    odd = measurement(change(), nodeid="tests/test_a.py::test[a b'c]")
    assert changes_text([odd], strict=False).endswith("""'tests/test_a.py::test[a b'"'"'c]'""")


@pytest.mark.parametrize("strict", [True, False])
def test_a_base_that_is_not_the_base_is_always_red(strict: bool) -> None:
    found = [measurement(change(RegressionVerdict.WRONG_CODE, reason="it imports 'shop' from site-packages"))]
    assert changes_text(found, strict=strict) == "wrong_code: it imports 'shop' from site-packages"


@pytest.mark.parametrize(
    "verdict",
    [one for one in RegressionVerdict if one not in (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE)],
)
def test_only_what_is_unjudged_is_red_and_only_if_strict(verdict: RegressionVerdict) -> None:
    found = [measurement(change(verdict, reason="why"))]
    assert changes_text(found, strict=False) == ""
    strict = changes_text(found, strict=True)
    assert bool(strict) is verdict.is_unjudged
    if strict:
        assert strict.startswith(f"{verdict.value}: why\n")
        helps = verdict in (RegressionVerdict.NEW, RegressionVerdict.FOREIGN)
        assert ("\n  update the baseline: pytest --perf-update-baseline tests/" in strict) is helps
        assert strict.endswith("What is not compared fails because of --perf-strict (or strict = true).")


def test_notes_gather_tests_with_the_same_reason() -> None:
    new = [
        measurement(change(RegressionVerdict.NEW, reason="not there"), nodeid=f"a.py::t{number}") for number in range(5)
    ]
    unsure = measurement(change(RegressionVerdict.UNCONFIRMED, runs=1, ratio=1.004), nodeid="a.py::u")
    assert list(
        change_notes(
            [*new, unsure, measurement(change(RegressionVerdict.UNCHANGED, runs=0))], [("a.py::gone", "renamed?")]
        )
    ) == [
        "new: a.py::t0, a.py::t1, a.py::t2 and 2 more: not there",
        "unconfirmed: a.py::u: looked slower here; +0.4 % in 1 fresh process",
        "missing: a.py::gone: renamed?",
    ]


def test_notes_name_a_measurement_once_and_say_what_fresh_processes_could_not() -> None:
    reasons = [RegressionResult(metric, RegressionVerdict.UNMEASURED, reason="no room") for metric in ("calls", "peak")]
    unsure = change(RegressionVerdict.UNDECIDED, runs=10, ratio=1.12, lower=0.98, upper=1.28, limit=0.05, p_value=0.025)
    assert list(change_notes([measurement(*reasons), measurement(unsure, nodeid="a.py::u")], [])) == [
        f"unmeasured: {measurement().id}: no room",
        "undecided: a.py::u: looked slower, in 10 fresh processes too, but that may be chance: "
        "+12.0 % (95 % interval -2.0 % .. +28 %), limit 5 %; "
        "unchanged code would look so slow once in 40 times (red: less than once in 2,400 times)",
    ]


def test_every_standing_is_counted() -> None:
    counts = regression_verdicts([measurement(change(), change(RegressionVerdict.UNCHANGED))], missing=2)
    assert set(counts) == {verdict.value for verdict in RegressionVerdict}
    assert standings_text(counts) == "against the baseline: 1 regressed, 2 missing, 1 unchanged"


def test_a_session_that_compared_nothing_says_so() -> None:
    """It is green, if --perf-strict does not make it red."""
    counts = regression_verdicts([measurement(RegressionResult("time", RegressionVerdict.UNMEASURED, reason="why"))], 0)
    assert standings_text(counts) == "against the baseline: nothing was compared (1 unmeasured)"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "+0.0 %"),
        (1.124, "+12.4 %"),
        (0.871, "-12.9 %"),
        (1.25, "+25 %"),
        (0.5, "-50 %"),
        (3.21, "3.2x"),
        (0.0025, "1/400x"),
    ],
)
def test_a_ratio_as_a_change(ratio: float, text: str) -> None:
    assert percent(ratio) == text


def test_of_an_update_each_number_says_what_became_of_it() -> None:
    both = replace(revision("test_x", UpdateAction.REFUSED, 1e6, 1e6), ratios={"time": 0.5, "peak": 3.0})
    assert [row[-1] for row in update_rows(both)] == ["faster (kept)", "more (kept)"]
    assert [row[-1] for row in update_rows(replace(both, action=UpdateAction.FASTER, ratios={"calls": 0.5}))] == [
        "less"
    ]


def test_a_text_that_stands_alone_names_its_test() -> None:
    assert changes_text([SLOWER], strict=False, named=True).startswith("tests/test_api.py::test_login: 12.4 % slower")


def test_progress_tells_what_is_left() -> None:
    assert update_progress_text(3, 10, 45, 150, 61) == "perf: process 3 of 10 [######..............] 61 s left"
    assert update_progress_text(1, 10, 1, 150, 3000).endswith("50 min left")


def revision(
    test: str, action: UpdateAction, before_ns: float | None, after_ns: float | None, ratio: float | None = None
) -> LineUpdate:
    def line(time_ns: float | None) -> Line | None:
        if time_ns is None:
            return None
        return Line(key, Reference(time_ns, 0.01, 10, 40, 9.0, 0.0, 0.1, (0.3, 0.3, 0.3), (1.0, 1.0, 1.0)))

    key = Key(f"tests/test_api.py::{test}", "", "m")
    return LineUpdate(key, action, line(after_ns), line(before_ns), {} if ratio is None else {"time": ratio})


REVISIONS = [
    revision("test_same", UpdateAction.UNCHANGED, 1e6, 1e6, 1.001),
    revision("test_new", UpdateAction.NEW, None, 1.84e6),
    revision("test_faster", UpdateAction.FASTER, 1e6, 0.7e6, 0.7),
    revision("test_slower", UpdateAction.REFUSED, 1e6, 1e6, 1.3),
    revision("test_dearer", UpdateAction.ACCEPTED, 1e6, 2.5e6, 2.5),
    revision("test_gone", UpdateAction.REMOVED, 1e6, None),
]
CHANGES = [
    SLOWER,
    measurement(change(RegressionVerdict.IMPROVED, after=0.8e6, ratio=0.49, lower=0.45, upper=0.53), name="parse"),
    measurement(
        change(RegressionVerdict.UNCHANGED, ratio=1.001, lower=0.98, upper=1.02), nodeid="tests/test_api.py::test_b"
    ),
    measurement(
        change(RegressionVerdict.UNDECIDED, ratio=1.01, lower=0.93, upper=1.1), nodeid="tests/test_api.py::test_c"
    ),
    measurement(change(RegressionVerdict.NEW, ratio=None), nodeid="tests/test_api.py::test_d"),
]


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("changes", render_changes(CHANGES, width=110, color=False, unicode=True, all_rows=False)),
        ("changes_all", render_changes(CHANGES, width=110, color=False, unicode=False, all_rows=True)),
        ("changes_color", render_changes(CHANGES, width=110, color=True, unicode=True, all_rows=True)),
        ("revisions", render_revisions(REVISIONS, width=90, color=False, unicode=True)),
        ("revisions_color", render_revisions(REVISIONS, width=90, color=True, unicode=True)),
    ],
)
def test_the_tables_look_as_they_did(name: str, drawn: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PERFBUDGET_GOLDEN") == "write":
        file.write_text(drawn, "utf-8")
    assert drawn == file.read_text("utf-8")


def test_a_table_that_would_tell_nothing_is_left_out() -> None:
    assert render_changes(CHANGES[2:], width=90, color=False, unicode=True, all_rows=False) == ""
    assert render_revisions(REVISIONS[:1], width=90, color=False, unicode=True) == ""


def test_an_update_ends_with_what_it_did_and_what_is_left_to_do() -> None:
    assert list(update_text(REVISIONS, "perf-baseline.json")) == [
        "perf-baseline.json: 1 slower (kept), 1 slower (accepted), 1 new, 1 faster, 1 removed, 1 unchanged",
        "to accept what got slower: pytest --perf-update-baseline --perf-reason 'why it may be' tests/test_api.py::test_slower",
    ]
    assert list(update_text([], "perf-baseline.json")) == ["no perf test was measured: the baseline stands as it was"]
