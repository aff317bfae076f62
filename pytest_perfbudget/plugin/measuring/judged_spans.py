"""The spans of a measurement that has ended: the results of their budgets, and the facts for reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.results import BudgetResult
from pytest_perfbudget.core.span_gate import SpanGate
from pytest_perfbudget.core.spans.facts import SpanFacts


@dataclass(frozen=True, slots=True)
class JudgedSpans:
    """The spans of a measurement that has ended.

    Attributes:
        results: the result of each budget on spans.
        facts: the spans for reports; None if they were not recorded.
        warnings: doubts about the spans.
    """

    results: Sequence[BudgetResult] = ()
    facts: SpanFacts | None = None
    warnings: Sequence[str] = field(default=())


NO_SPANS: Final = JudgedSpans()


def refused(effective: EffectiveLimits, reason: str, errors: Errors) -> list[BudgetResult]:
    """Return the results of budgets on spans for a measurement whose spans cannot be recorded."""
    return SpanGate(effective.spans, errors).refuse(reason)
