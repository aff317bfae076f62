"""metrics.txt is the same, byte for byte, as long as the code and its limits are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from full_result import result_of
from results import budget, change, measurement
from scripting import Project

from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.results import BudgetVerdict, RegressionResult, RegressionVerdict
from pytest_perfbudget.report.formats.metrics import render

UNCHANGED = RegressionVerdict.UNCHANGED


def peak(after: float, verdict: RegressionVerdict = UNCHANGED, **changed: Any) -> RegressionResult:
    return change(verdict, metric="peak", unit="bytes", before=1_000_000, after=after, ratio=after / 1e6, **changed)


def calls(after: float, verdict: RegressionVerdict = UNCHANGED) -> RegressionResult:
    return change(verdict, metric="calls", unit="calls", before=200, after=after, ratio=after / 200)


def text(*results: Any, **changed: Any) -> str:
    return render(result_of(measurement(*results, **changed)))


@pytest.mark.parametrize(
    ("verdict", "other"),
    [(BudgetVerdict.WITHIN, BudgetVerdict.UNDECIDED), (BudgetVerdict.UNDECIDED, BudgetVerdict.WITHIN)],
)
def test_noise_does_not_show(verdict: BudgetVerdict, other: BudgetVerdict) -> None:
    """Noise moves a time near its limit, the verdict on a change, and memory by what caches hold."""
    one = text(budget(verdict, estimate=48e6), change(UNCHANGED), peak(1_003_111), calls(203), statistics={"peak": 9e5})
    two = text(
        budget(other, estimate=51e6), change(RegressionVerdict.UNCONFIRMED, ratio=1.07), peak(996_001), calls(199),
        statistics={"peak": 9.1e5},
    )  # fmt: skip
    assert one == two
    assert 'metric="peak"} 1000000\n' in one
    assert 'metric="calls"} 200\n' in one


def test_a_load_whose_generator_was_late_does_not_show() -> None:
    """A busy machine leaves limits on a load unmeasured; of any other measurement, that is no chance."""
    verdicts = [budget(verdict) for verdict in (BudgetVerdict.WITHIN, BudgetVerdict.UNMEASURED)]
    loads = [text(one, kind=LOAD) for one in verdicts]
    assert loads[0] == loads[1]
    assert 'verdict="unmeasured"' not in loads[1]  # a zero would be wrong
    others = [text(one) for one in verdicts]
    assert others[0] != others[1]


def test_a_time_that_the_weather_leaves_unmeasured_does_not_show() -> None:
    """A machine far slower than at the baseline leaves the times unmeasured; of a count, that is no chance."""
    stale = RegressionResult("time", RegressionVerdict.UNMEASURED, reason="the canaries take 1.6 times as long")
    assert text(stale) == text(change(UNCHANGED))
    uncounted = RegressionResult("calls", RegressionVerdict.UNMEASURED, unit="calls", before=200)
    assert text(uncounted) != text(calls(200))


def test_memory_that_no_baseline_makes_steady_is_left_out() -> None:
    assert "peak" not in text(statistics={"peak": 9e5})
    assert "peak" not in text(peak(1_003_111, against="origin/main"), statistics={"peak": 9e5})


@pytest.mark.parametrize(
    "changed",
    [
        [budget(limit=49e6), calls(200)],
        [budget(BudgetVerdict.EXCEEDED), calls(200)],
        [budget(BudgetVerdict.UNMEASURED), calls(200)],
        [budget(BudgetVerdict.WITHIN), calls(320, RegressionVerdict.REGRESSED)],
        [budget(BudgetVerdict.WITHIN), budget(BudgetVerdict.WITHIN, metric="p99"), calls(200)],
    ],
)
def test_a_change_of_the_code_or_of_a_limit_shows(changed: list[Any]) -> None:
    assert text(*changed) != text(budget(BudgetVerdict.WITHIN), calls(200))


def test_a_number_that_has_changed_is_rounded_to_what_is_allowed() -> None:
    grown = [peak(after, RegressionVerdict.REGRESSED, limit=0.05) for after in (1_310_000, 1_322_000)]
    first, second = map(text, grown)
    assert first == second
    assert 'metric="peak"} 1300000\n' in first


def test_calls_without_a_comparison_are_those_that_were_counted() -> None:
    (line,) = [
        one for one in text(statistics={"calls": 17}).splitlines() if one.startswith("perfbudget_measured_calls{")
    ]
    assert line.endswith(" 17")


def test_the_file_has_counts_limits_and_verdicts_only() -> None:
    lines = text(budget(), change(), calls(200), statistics={"median": 1.8e6, "calls": 200}).splitlines()
    assert {line.partition("{")[0].partition(" ")[0] for line in lines if not line.startswith("#")} == {
        "perfbudget_budgets", "perfbudget_changes", "perfbudget_limits", "perfbudget_limit_seconds",
        "perfbudget_measured_calls",
    }  # fmt: skip


def test_the_order_of_the_tests_does_not_show() -> None:
    one, two = (measurement(budget(), nodeid=f"a.py::{name}") for name in "ab")
    assert render(result_of(one, two)) == render(result_of(two, one))
    assert render(result_of(one)) != render(result_of(replace(one, nodeid="a.py::c")))


NOISY = """
import itertools, os, random
DRAW = random.Random(int(os.environ["SEED"]))
MS = itertools.cycle([50 * DRAW.lognormvariate(0, 0.1) for _ in range(500)])
CACHED = DRAW.randrange(9_000)

@pytest.mark.perf_budget(p95_ms=60, peak_mb=9, max_calls=900)
def test_it():
    advance(ms=next(MS))
    kept = bytearray(1_000_000 + CACHED)
    for at in range(100 * int(os.environ.get("MORE", "1"))): kept.append(1)
"""


def test_two_sessions_of_the_same_code_write_the_same_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def session(seed: int) -> tuple[str, list[float]]:
        monkeypatch.setenv("SEED", str(seed))
        project.run(NOISY, "--perf-output=metrics.txt", "--perf-max-time=3s")
        (one,) = project.report["measurements"]
        return (project.pytester.path / "metrics.txt").read_text("utf-8"), [
            one["statistics"][name] for name in ("p95", "peak")
        ]

    (first, numbers), (second, others) = session(2), session(3)
    assert first == second
    assert 'metric="calls"' in first
    assert all(one != other for one, other in zip(numbers, others, strict=True))
    monkeypatch.setenv("MORE", "3")
    assert session(2)[0] != first
