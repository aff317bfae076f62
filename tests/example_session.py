"""The measurements of a session as a project might have it: most are calm, some are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_perfbudget.core.kinds import BODY, RATIO
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict

US, MS, MB = 1e3, 1e6, 1e6
_UNITS = {"peak": "bytes", "calls": "calls", "ratio": ""}
WITHIN, EXCEEDED, UNDECIDED, UNMEASURED = (
    BudgetVerdict.WITHIN,
    BudgetVerdict.EXCEEDED,
    BudgetVerdict.UNDECIDED,
    BudgetVerdict.UNMEASURED,
)


def budget(metric: str, estimate: float | None, limit: float, verdict: BudgetVerdict = WITHIN) -> BudgetResult:
    unit = _UNITS.get(metric, "ns")
    keyword = {"peak": "peak_mb", "calls": "max_calls", "ratio": "max_ratio"}.get(metric, f"{metric}_ms")
    return BudgetResult(metric, keyword, unit, limit, "perf_budget marker", verdict, estimate=estimate, rounds=72)


def change(ratio: float | None, verdict: RegressionVerdict, metric: str = "time", **more: Any) -> RegressionResult:
    before = {"time": 1.64 * MS, "calls": 120, "peak": 40 * MB}[metric]
    after = None if ratio is None else before * ratio
    unit = _UNITS.get(metric, "ns")
    return RegressionResult(
        metric, verdict, unit, before=before if after else None, after=after, ratio=ratio, limit=0.05, **more
    )


def unchanged(ratio: float = 1.003) -> RegressionResult:
    return change(ratio, RegressionVerdict.UNCHANGED)


def measurement(
    nodeid: str, *said: BudgetResult | RegressionResult, name: str = "", component: str = "", **more: Any
) -> Measurement:
    """Return the measurement of a test; its statistics fit its budget on the p95 if it has one."""
    budgets = [one for one in said if isinstance(one, BudgetResult)]
    p95 = next((one.estimate for one in budgets if one.metric == "p95" and one.estimate), 3.4 * MS)
    statistics: Mapping[str, float] = {"mean": 0.8 * p95, "median": 0.75 * p95, "p95": p95}
    given: dict[str, Any] = {
        "kind": BODY, "rounds": 72, "iterations": 1, "overhead_ns": 60.0, "elapsed_ns": 10**9,
        "statistics": statistics, "budgets": budgets,
        "changes": [one for one in said if isinstance(one, RegressionResult)],
    }  # fmt: skip
    return Measurement(nodeid=nodeid, name=name, component=component, **{**given, **more})


_TOKENS = "tests/security/test_tokens.py"
_TASKS = "tests/storage/test_tasks.py"
_LONG = f"{_TASKS}::TestTaskRepository::test_lists_the_tasks_of_an_agent_that_has_claimed_and_completed_thousands_of_them[by status]"

PRESSING = [
    measurement(
        f"{_TASKS}::test_claims_a_task[10-000]",
        budget("p95", 61.2 * MS, 50 * MS, EXCEEDED),
        budget("peak", 612 * MB, 500 * MB, EXCEEDED),
        budget("calls", 204, 30, EXCEEDED),
        change(1.34, RegressionVerdict.REGRESSED),
        component="storage",
    ),
    measurement(
        f"{_TOKENS}::test_verifies_a_token",
        budget("p95", 1.9 * MS, 50 * MS),
        budget("peak", 0.7 * MB, 500 * MB),
        change(1.124, RegressionVerdict.REGRESSED),
        change(1.0, RegressionVerdict.UNCHANGED, "calls"),
        component="security.jwt",
        name="signature",
    ),
    measurement(
        "tests/security/test_roles.py::TestHierarchy::test_resolves_the_deepest_role",
        budget("p95", 14 * US, 20 * MS),
        unchanged(),
        change(34.3, RegressionVerdict.REGRESSED, "calls"),
        component="security.rbac",
    ),
    measurement(_LONG, budget("p95", 46.2 * MS, 50 * MS), unchanged(), component="storage"),
    measurement(
        "tests/api/test_pages.py::test_renders_a_page[long]",
        budget("p99", 49.9 * MS, 50 * MS, UNDECIDED),
        budget("peak", 1.3 * MB, 500 * MB),
        name="render page",
        component="api",
        statistics={"mean": 37.5 * MS, "median": 36.1 * MS, "p95": 44.8 * MS},
    ),
    measurement(
        "tests/api/test_pages.py::test_old_benchmark",
        budget("p95", None, 50 * MS, UNMEASURED),
        statistics={},
        component="api",
    ),
    measurement(
        "tests/api/test_pages.py::test_searches",
        budget("p95", 4.4 * MS, 20 * MS),
        change(1.12, RegressionVerdict.UNDECIDED, runs=10),
        component="api",
    ),
]
NOTED = [
    measurement(
        f"{_TOKENS}::test_issues_a_token",
        budget("p95", 2.9 * MS, 50 * MS),
        change(0.49, RegressionVerdict.IMPROVED),
        component="security.jwt",
    ),
    measurement(
        f"{_TOKENS}::test_revokes_a_token",
        budget("p95", 0.8 * MS, 50 * MS),
        change(None, RegressionVerdict.NEW, reason="the baseline does not have this measurement"),
        component="security.jwt",
    ),
]
CALM = [
    measurement(
        "tests/security/test_rate_limit.py::test_allows_a_hit",
        budget("mean", 0.9 * US, 1.2 * US),
        budget("peak", 0.02 * MB, 500 * MB),
        unchanged(0.998),
        component="security.rate_limit",
        iterations=40,
        statistics={"mean": 0.9 * US},
    ),
    measurement(
        "tests/api/test_pages.py::test_caches",
        budget("ratio", 0.31, 0.5),
        name="cached",
        component="api",
        kind=RATIO,
        statistics={"ratio": 0.31, "median": 1.2 * MS, "reference_median": 3.9 * MS},
    ),
    measurement("tests/api/test_pages.py::test_bare", unchanged(1.02), component="api"),
    measurement("tests/test_tools.py::test_unlimited"),
    *(
        measurement(
            f"{_TASKS}::test_lists_by_status[{status}-{number}]",
            budget("p95", number * 0.55 * MS, 50 * MS),
            budget("peak", 1.1 * MB, 500 * MB),
            change(1 + number / 400, RegressionVerdict.UNDECIDED if number % 10 == 0 else RegressionVerdict.UNCHANGED),
            component="storage",
        )
        for status in ("open", "claimed")
        for number in range(1, 21)
    ),
]
SESSION = [*CALM[:20], *PRESSING, *NOTED, *CALM[20:]]
