"""The result of a session with every verdict, every kind of measurement, loads, and names that formats must escape."""

from __future__ import annotations

from array import array
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from results import MS, budget, measurement
from results import change as _changed

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Missing
from pytest_perfbudget.core.kinds import BENCHMARK, BODY, CALL, LOAD, NONE, PEDANTIC, RATIO, TIMER
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.facts import LoadFacts
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_load
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.metrics import Direction
from pytest_perfbudget.core.policy import Policy
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Growth, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.session_findings import find_missing
from pytest_perfbudget.report.findings import worded

HOSTILE: Final = (
    "|pipe|",
    "back`tick``s",
    "<script>alert(1)</script>",
    "two\nlines",
    "comma, semicolon; \"double\" and 'single'",
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "naïve ☃ 日本",
    "back\\slash",
    "tab\tand\rreturn",
    "a{b}%20::error::c",
    "*bold* _slanted_ [link](x) ~~gone~~ #1",
    "\u202ereversed",
)
"""The names of parameters that a format could take for its own signs."""


def change(verdict: RegressionVerdict = RegressionVerdict.REGRESSED, **changed: Any) -> RegressionResult:
    """Return a change whose numbers agree."""
    found = _changed(verdict, **changed)
    return found if found.ratio is None or found.before is None else replace(found, after=found.before * found.ratio)


def _api(name: str) -> str:
    return f"tests/test_api.py::{name}"


def _load(**changed: Any) -> Measurement:
    values_us = [900 + 7 * (number * 37 % 101) for number in range(400)]
    failed = array("b", [0] * 388 + [1] * 12)
    record = LoadRecord(LoadPlan(users=8, requests=50), Latencies(1000 * one for one in values_us), failed)
    record = replace(record, elapsed_ns=2 * 10**9)
    errors = [
        ErrorGroup("TimeoutError", "no answer in 30 s", 10**8, 19 * 10**8, count=11),
        ErrorGroup("OSError", "", 5, 5),
    ]
    rate = budget(
        BudgetVerdict.EXCEEDED, metric="error_rate", keyword="max_error_rate", unit="%", limit=1.0, estimate=3.0,
        lower=1.8, upper=None, rounds=400, effective=310.0,
    )  # fmt: skip
    rps = budget(
        BudgetVerdict.WITHIN, metric="rps", keyword="min_rps", unit="rps", limit=100.0, estimate=194.0, lower=None,
        upper=None, needs_rounds=None, direction=Direction.HIGHER, rounds=400,
    )  # fmt: skip
    given: dict[str, Any] = {
        "name": "checkout", "kind": LOAD, "rounds": 400, "elapsed_ns": 2 * 10**9, "budgets": [rate, rps],
        "load": LoadFacts.of(record), "statistics": describe_load(record), "errors": errors,
    }  # fmt: skip
    return measurement(nodeid=_api("test_checkout"), **{**given, **changed})


def _measurements() -> list[Measurement]:
    login = measurement(
        budget(),
        budget(BudgetVerdict.WITHIN, metric="peak", keyword="peak_mb", unit="bytes", limit=64e6, estimate=12.4e6,
               lower=None, upper=None, rounds=2, needs_rounds=None),
        change(blamed=[Blame("web.auth:login", Cause.MORE_CALLS, 1.9e5, 2.03e5, "web.auth:hash", 1, 201)],
               grown=[Growth("web.auth:hash", 1, 201), Growth("hashlib:sha256", 1, 201)]),
        change(RegressionVerdict.REGRESSED, metric="calls", unit="calls", before=120, after=320, ratio=320 / 120,
               lower=None, upper=None, p_value=None, alpha=None, runs=0),
        nodeid=_api("test_login"), component="web.auth", file="tests/test_api.py", line=12,
        profile=[ProfileRow("web.auth:hash", 201, 0.83), ProfileRow("json:loads", 1, 0.12)],
    )  # fmt: skip
    kinds = [
        measurement(
            budget(BudgetVerdict.UNDECIDED, estimate=51 * MS, lower=49 * MS, upper=53 * MS),
            change(RegressionVerdict.UNDECIDED, ratio=1.07, lower=0.99, upper=1.16, p_value=0.03, runs=10),
            nodeid=_api("test_pages"), name="render", kind=CALL, component="web",
        ),
        measurement(
            budget(BudgetVerdict.WITHIN, estimate=46 * MS, lower=44 * MS, upper=48 * MS),
            change(RegressionVerdict.UNCONFIRMED, ratio=1.01, lower=0.98, upper=1.04),
            nodeid=_api("test_pages"), name="query", kind=TIMER, component="web",
        ),
        measurement(
            budget(BudgetVerdict.WITHIN, metric="ratio", keyword="max_ratio", unit="", limit=0.5, estimate=0.31,
                   lower=0.29, upper=0.33, rounds=40),
            nodeid="tests/test_sort.py::test_faster", name="sort", kind=RATIO,
            statistics={"ratio": 0.31, "median": 1.2 * MS, "reference_median": 3.9 * MS},
        ),
        measurement(
            change(RegressionVerdict.IMPROVED, ratio=0.61, lower=0.6, upper=0.62, runs=0),
            nodeid="tests/test_sort.py::test_old", kind=BENCHMARK, iterations=40, statistics={"mean": 1.1e3},
        ),
        measurement(
            change(RegressionVerdict.UNCHANGED, ratio=1.003, lower=0.99, upper=1.02, runs=0),
            change(RegressionVerdict.UNCHANGED, metric="calls", unit="calls", before=20, ratio=1.3, lower=None, upper=None,
                   p_value=None, alpha=None, runs=0),
            nodeid="tests/test_sort.py::test_pedantic", kind=PEDANTIC,
        ),
        measurement(
            budget(BudgetVerdict.UNMEASURED, estimate=None, lower=None, upper=None, reason="the test never called perf",
                   rounds=0, needs_rounds=None),
            nodeid="tests/test_sort.py::test_nothing", kind=NONE, statistics={}, rounds=0, elapsed_ns=0,
        ),
        measurement(
            nodeid="tests/test_sort.py::test_silent", kind=NONE, statistics={}, rounds=0, elapsed_ns=0,
            unmeasured="the test asks for the perf fixture but never called it",
        ),
    ]  # fmt: skip
    against = {"against": "origin/main", "commit": "8c1d2e3", "date": "", "in_pairs": True}
    nothing = {**against, "before": None, "after": None, "ratio": None, "lower": None, "upper": None, "p_value": None}
    unjudged = [
        measurement(change(verdict, reason=reason, **nothing), nodeid=f"tests/test_more.py::test_{verdict.value}")
        for verdict, reason in (
            (RegressionVerdict.WRONG_CODE, "the base would run the head's module shop, installed in site-packages"),
            (RegressionVerdict.UNMEASURED, "a fresh process did not time it"),
            (RegressionVerdict.NEW, "origin/main does not have this measurement"),
            (RegressionVerdict.FOREIGN, "the baseline has no times of this machine (AMD EPYC, Linux, CPython 3.11)"),
        )
    ]
    changed = measurement(
        change(RegressionVerdict.CHANGED, is_test_changed=True, **against), nodeid="tests/test_more.py::test_changed"
    )
    hostile = [
        measurement(
            budget(
                BudgetVerdict.EXCEEDED if number < 4 else BudgetVerdict.WITHIN,
                limit=(number + (20 if number < 4 else 70)) * MS,
            ),
            nodeid=f"tests/test_names.py::test_escapes[{name}]",
            name=name,
            component=name,
        )
        for number, name in enumerate(HOSTILE)
    ]
    return [login, *kinds, _load(), *unjudged, changed, *hostile, measurement(nodeid=_api("test_free"), kind=BODY)]


MISSING: Final = [Missing("tests/test_api.py::test_gone", "", "the test did not run to its end")]
SESSION: Final = SessionFacts(
    started_at="2026-11-26T10:00:00+00:00", duration_s=41.5, exit_status=1, python="3.11.7", implementation="CPython",
    machine_key="4f1c", machine="AMD EPYC, x86_64, Linux, CPython 3.11", cpus=2, commit="3f2a91c0d",
    branch="faster|<b>login</b>", folder="services/web", is_dirty=True, versions={"pytest": "9.0.0"},
    notes=["perf_budget of no test: [tool.perfbudget.budgets] names tests/gone.py"],
)  # fmt: skip
AGAINST: Final = ComparedWith("origin/main", "the checkout lacked .env", [("tests/test_api.py::test_other", "")])


def result_of(*measurements: Measurement, missing: tuple[Missing, ...] = ()) -> RunResult:
    """Return the result of a session with these measurements, and their findings with texts."""
    findings = worded(find(measurements, Policy()), alpha=0.01)
    findings += find_missing(missing, Policy(), can_be_mended=False)
    return RunResult(SESSION, AGAINST, measurements, findings, missing)


FULL: Final = result_of(*_measurements(), missing=tuple(MISSING))


@lru_cache
def many(number: int) -> RunResult:
    """Return the result of a session with so many tests, one in a hundred of which fails."""
    return result_of(
        *(
            measurement(
                budget(BudgetVerdict.EXCEEDED if at % 100 == 0 else BudgetVerdict.WITHIN),
                change(RegressionVerdict.UNCHANGED, ratio=1.003, lower=0.99, upper=1.02, runs=0),
                nodeid=f"tests/test_module_{at // 50}.py::test_lists_by_status[{at}]",
                file=f"tests/test_module_{at // 50}.py",
                line=at % 50 + 1,
            )
            for at in range(number)
        )
    )


def limits() -> list[tuple[Measurement, BudgetResult | RegressionResult]]:
    """Return every limit of the full result, with its measurement."""
    found: list[tuple[Measurement, BudgetResult | RegressionResult]] = []
    for one in FULL.measurements:
        found += [(one, budget) for budget in one.budgets]
        found += [(one, change) for change in one.changes]
    return found
