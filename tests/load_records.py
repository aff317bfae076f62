"""Records of loads as a generator would make them, and their verdicts."""

from __future__ import annotations

from array import array
from typing import Any

from pytest_perfbudget.core.budgets import parse_budgets
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import GeneratorFacts, LoadRecord
from pytest_perfbudget.core.load_gate import LoadGate
from pytest_perfbudget.core.results import BudgetResult

ERRORS = Errors(exceeded=0.01, within=0.05)
S = 1_000_000_000
MS = 1_000_000


def gate(**limits: float) -> LoadGate:
    return LoadGate(parse_budgets(limits, "call"), ERRORS)


def record(
    latencies_ms: list[float] | None = None,
    *,
    failures: int = 0,
    seconds: float = 10.0,
    **generator: Any,
) -> LoadRecord:
    """Return a record of successful requests, with failures spread evenly among them."""
    values = [5.0] * 1_000 if latencies_ms is None else latencies_ms
    total = len(values) + failures
    failed = array("b", bytes(total))
    for number in range(failures):
        failed[number * total // failures] = 1
    errors = [ErrorGroup("OSError", "refused", 0, 1, count=failures)] if failures else []
    return LoadRecord(
        LoadPlan(users=10, duration_ns=round(seconds * S)),
        Latencies(round(one * MS) for one in values),
        failed,
        errors,
        round(seconds * S),
        GeneratorFacts(**generator),
    )


def verdicts(results: list[BudgetResult]) -> dict[str, str]:
    return {one.keyword: one.verdict.value for one in results}
