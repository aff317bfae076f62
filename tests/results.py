"""Results as sessions make them, with the parts that a test is about."""

from __future__ import annotations

from typing import Any

from pytest_perfbudget.core.kinds import BODY, MeasurementKind
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict

MS = 1e6


def budget(verdict: BudgetVerdict = BudgetVerdict.EXCEEDED, **changed: Any) -> BudgetResult:
    """Return the result of a p95 budget of 50 ms."""
    given: dict[str, Any] = {
        "metric": "p95", "keyword": "p95_ms", "unit": "ns", "limit": 50 * MS,
        "source": "perf_budget marker of a.py::test", "estimate": 61.3 * MS, "lower": 58.2 * MS, "upper": 66 * MS,
        "rounds": 72, "needs_rounds": 59,
    }  # fmt: skip
    return BudgetResult(verdict=verdict, **{**given, **changed})


def change(verdict: RegressionVerdict = RegressionVerdict.REGRESSED, **changed: Any) -> RegressionResult:
    """Return the result of a time that got 12.4 % slower."""
    given: dict[str, Any] = {
        "before": 1.64e6, "after": 1.843e6, "ratio": 1.124, "lower": 1.098, "upper": 1.151, "limit": 0.05,
        "source": "the default", "runs": 5, "weather": 1.0, "commit": "3f2a91c", "date": "2026-11-20",
        "p_value": 8.1e-6, "alpha": 4.17e-4,
    }  # fmt: skip
    return RegressionResult(changed.pop("metric", "time"), verdict, **{**given, **changed})


def measurement(
    *results: BudgetResult | RegressionResult,
    nodeid: str = "tests/test_api.py::test_login",
    name: str = "",
    kind: MeasurementKind = BODY,
    **changed: Any,
) -> Measurement:
    """Return a measurement with these results."""
    given: dict[str, Any] = {
        "rounds": 72,
        "overhead_ns": 60.0,
        "elapsed_ns": 4_400_000_000,
        "statistics": {"median": 1.8e6, "p95": 2.1e6},
        "budgets": [one for one in results if isinstance(one, BudgetResult)],
        "changes": [one for one in results if isinstance(one, RegressionResult)],
    }
    return Measurement(nodeid, name, kind, **{**given, **changed})
