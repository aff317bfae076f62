"""Precedence: the choice between several places, limit by limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_perfbudget.core.budgets import Budget, merge_budgets
from pytest_perfbudget.core.limits import Limits, RegressionTolerance
from pytest_perfbudget.core.loosening import Loosening
from pytest_perfbudget.core.metrics import INSTRUCTIONS, KEYWORDS
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.span_budgets import SPAN_KEYWORDS, SpanBudget, merge_span_budgets


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """The limits that hold for one measurement when all places have been considered.

    `count_instructions` tells whether bytecode instructions are compared, which is also so where they are limited.
    `loosened` has the limits of another commit that the working tree loosens, if a session asks for them.
    """

    budgets: Sequence[Budget]
    component: str
    max_time_ns: int
    max_regression: RegressionTolerance
    pin: bool = True
    unmeasured: str = "fail"
    spans: Sequence[SpanBudget] = ()
    loosened: Sequence[Loosening] = ()
    max_rounds: int | None = None
    max_drift: RegressionTolerance | None = None
    count_instructions: bool = False

    @property
    def needs_numbers(self) -> bool:
        """Whether a test fails for which a limit or a comparison has no number."""
        return self.unmeasured == "fail"


def limits_to_dict(limits: EffectiveLimits) -> dict[str, Any]:
    """Return what a pull request may loosen of the limits, as builtins."""
    return {
        "max_regression": [limits.max_regression.share, limits.max_regression.source],
        "unmeasured": limits.unmeasured,
        "max_drift": [limits.max_drift.share, limits.max_drift.source] if limits.max_drift else None,
        "max_time_ns": limits.max_time_ns,
        "count_instructions": limits.count_instructions,
        "pin": limits.pin,
        "budgets": [[one.keyword, one.limit, one.source] for one in limits.budgets],
        "spans": [[one.span, one.budget.keyword, one.budget.limit, one.budget.source] for one in limits.spans],
    }


def limits_from_dict(data: Mapping[str, Any]) -> EffectiveLimits:
    """Rebuild limits from the result of `limits_to_dict`.

    A base with an environment of its own may have an earlier version of this plugin, which tells fewer limits.
    """
    return EffectiveLimits(
        [Budget(KEYWORDS[keyword][0], limit, keyword, source) for keyword, limit, source in data["budgets"]],
        "",
        data.get("max_time_ns", 0),
        RegressionTolerance(*data["max_regression"]),
        unmeasured=data["unmeasured"],
        max_drift=RegressionTolerance(*data["max_drift"]) if data.get("max_drift") else None,
        spans=[
            SpanBudget(span, Budget(SPAN_KEYWORDS[keyword][0], limit, keyword, source))
            for span, keyword, limit, source in data["spans"]
        ],
        count_instructions=data.get("count_instructions", False),
        pin=data.get("pin", False),
    )


def resolve(
    settings: Settings, nodeid: str, given: Iterable[Limits], *, name: str, max_time_ns: int | None = None
) -> EffectiveLimits:
    """Return the limits that hold for the measurement `name` of a test.

    Budgets merge metric by metric. The limits in `given` come first: the call, then the markers from the test outwards,
    with limits that name the measurement before limits that do not. Then come the entries of the table, beginning with
    the most specific pattern, then the component, then the table itself. `max_time_ns`, from the command line, comes
    before all of them.
    """
    heard = [limits for limits in given if limits.name in (None, name)]
    heard.sort(key=lambda limits: limits.name is None)
    heard += [rule.limits for rule in settings.entries if rule.matches(nodeid)]
    component = next((limits.component for limits in heard if limits.component), None)
    for rule in settings.components:
        if component == rule.limits.component or (component is None and rule.matches(nodeid)):
            component = rule.limits.component
            heard.append(rule.limits)
            break
    heard.append(settings.limits)
    tolerances = [limits.max_regression for limits in heard if limits.max_regression is not None]
    drifts = [limits.max_drift for limits in heard if limits.max_drift is not None]
    pins = [limits.pin for limits in heard if limits.pin is not None]
    unmeasured = [limits.unmeasured for limits in heard if limits.unmeasured is not None]
    limits_ns = [limits.max_time_ns for limits in heard if limits.max_time_ns is not None]
    rounds = [limits.max_rounds for limits in heard if limits.max_rounds is not None]
    counting = [limits.count_instructions for limits in heard if limits.count_instructions is not None]
    budgets = merge_budgets(*(limits.budgets for limits in heard))
    return EffectiveLimits(
        budgets,
        component or "",
        max_time_ns or next(iter(limits_ns), settings.max_time_ns),
        next(iter(tolerances), settings.max_regression),
        next(iter(pins), settings.pin),
        next(iter(unmeasured), settings.unmeasured),
        merge_span_budgets(*(limits.spans for limits in heard)),
        max_rounds=next(iter(rounds), None),
        max_drift=next(iter(drifts), settings.max_drift),
        count_instructions=next(iter(counting), settings.count_instructions)
        or any(one.metric is INSTRUCTIONS for one in budgets),
    )
