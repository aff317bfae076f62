"""The health score: one number from 0 to 100 for each component and for the whole, from verdicts and error rates.

A session and the monitor of a running service have the same formula. A worse number never raises the score:

- Each budget has a mark: 100 up to half of its limit, falling evenly to 80 at the limit, and 80 / (share of the
  limit) beyond. A budget that is undecided has at most 90, unmeasured 60, exceeded 50.
- Each comparison has a mark: 100 for `unchanged` and `improved`, 95 for `unconfirmed`, 90 for `undecided`, 50 / ratio
  for `regressed`, 0 for `wrong_code`. A number that has nothing to be compared with has no mark.
- The score of a component is the mean of its marks, but at most 59 if a budget is exceeded or a number regressed, and
  at most 100 less five times the percentage of requests that are errors.
- The score of the whole is the mean over the components, but at most 59 if a component has an exceeded budget or a
  regression, or a number drifted above `max_drift`, and at most 89 if the session ended early or failed for other
  reasons.

Beside the score stands the Apdex (Application Performance Index, version 1.1, Apdex Alliance 2007) of the times that
have a budget: satisfied up to the limit, tolerating up to four times the limit.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS, QUANTILES
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict

GOOD: Final = 90
"""The lowest score without anything to look at."""
FAIR: Final = 60
"""The lowest score without an exceeded budget, a regression or many errors."""

TARGETS: Final = ("p95", "p99", "p90", "p75", "median", "mean", "p999", "max")
"""The metrics whose limit is the target of the Apdex; the first that has a limit holds."""
TOLERATED: Final = 4
"""The multiple of the target up to which a time is tolerated."""

_MOST: Final = 100.0
_PER_ERROR: Final = 500.0
"""The points that are lost if every request is an error; a fifth of them takes the whole score."""
_BUDGET_MOST: Final = {
    BudgetVerdict.WITHIN: _MOST,
    BudgetVerdict.UNDECIDED: 90.0,
    BudgetVerdict.UNMEASURED: 60.0,
    BudgetVerdict.EXCEEDED: 50.0,
}
_CHANGE_MARKS: Final = {
    RegressionVerdict.IMPROVED: _MOST,
    RegressionVerdict.UNCHANGED: _MOST,
    RegressionVerdict.UNCONFIRMED: 95.0,
    RegressionVerdict.UNDECIDED: 90.0,
    RegressionVerdict.REGRESSED: 50.0,
    RegressionVerdict.WRONG_CODE: 0.0,
}


@dataclass(frozen=True, slots=True)
class Apdex:
    """The numbers behind an Apdex; they may be shares of rounds, so they need not be whole."""

    satisfied: float = 0.0
    tolerating: float = 0.0
    total: float = 0.0

    @property
    def score(self) -> float | None:
        """The Apdex, from 0 to 1; None without times that have a target."""
        return (self.satisfied + self.tolerating / 2) / self.total if self.total else None

    def __add__(self, other: Apdex) -> Apdex:
        """Return the numbers of both together."""
        return Apdex(self.satisfied + other.satisfied, self.tolerating + other.tolerating, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers that the health of a component rests on.

    Attributes:
        component: the name of the component; empty for measurements that belong to no component.
        budgets: the results of its budgets.
        changes: the results of its comparisons.
        unmeasured: the number of measurements without any number.
        requests: the number of requests; 0 if nothing counts them.
        errors: the number of these requests that are errors.
        apdex: the numbers behind its Apdex.
    """

    component: str
    budgets: Sequence[BudgetResult] = ()
    changes: Sequence[RegressionResult] = ()
    unmeasured: int = 0
    requests: int = 0
    errors: int = 0
    apdex: Apdex = Apdex()


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """The health of a component.

    Attributes:
        component: the name of the component; empty for measurements that belong to no component.
        score: from 0 to 100.
        apdex: from 0 to 1; None without times that have a target.
        budgets: the number of budgets.
        within: the number of budgets that hold.
        exceeded: the number of budgets that are exceeded.
        regressed: the number of numbers that regressed.
        requests: the number of requests; 0 if nothing counts them.
        errors: the number of these requests that are errors.
    """

    component: str
    score: int
    apdex: float | None
    budgets: int
    within: int
    exceeded: int
    regressed: int
    requests: int
    errors: int

    def to_dict(self) -> dict[str, Any]:
        """Return the health as builtins."""
        return {name: getattr(self, name) for name in self.__slots__}


class Cap(enum.Enum):
    """The reason why the score of the whole is lower than the components show."""

    DRIFTED = "drifted"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the whole: the score and the Apdex of all components together, and the components by name.

    Attributes:
        score: from 0 to 100.
        apdex: from 0 to 1; None without times that have a target.
        components: the health of each component.
        cap: the reason why the score is lower than the components show; None if they show the reason.
    """

    score: int
    apdex: float | None
    components: Sequence[ComponentHealth]
    cap: Cap | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the health as builtins."""
        return {
            "score": self.score,
            "apdex": self.apdex,
            "components": [one.to_dict() for one in self.components],
            **({"cap": self.cap.value} if self.cap is not None else {}),
        }


def health(evidence: Iterable[Evidence], *, is_whole: bool = True, has_drifted: bool = False) -> Health | None:
    """Return the health of components; None if none of them has a budget, a comparison or requests.

    Args:
        evidence: the numbers of each component.
        is_whole: whether the numbers are all that there should be.
        has_drifted: whether a number drifted above its `max_drift`.
    """
    found = {one.component: one for one in evidence if _has_marks(one)}
    if not found:
        return None
    components = [_component(found[name]) for name in sorted(found)]
    mean = math.fsum(_score(one) for one in found.values()) / len(found)
    cap, most = None, _MOST
    if any(map(_is_bad, found.values())):
        most = FAIR - 1
    elif has_drifted:
        cap, most = Cap.DRIFTED, FAIR - 1
    elif not is_whole:
        cap, most = Cap.INCOMPLETE, GOOD - 1
    total = sum((one.apdex for one in found.values()), Apdex())
    return Health(_whole(min(mean, most)), total.score, components, cap if mean > most else None)


def session_health(
    measurements: Iterable[Measurement], *, is_whole: bool = True, has_drifted: bool = False
) -> Health | None:
    """Return the health of a session; None if it judged nothing.

    Args:
        measurements: of the session.
        is_whole: whether all tests ran, and none failed by something other than a number.
        has_drifted: whether a number drifted above its `max_drift`.
    """
    by_component: dict[str, list[Measurement]] = {}
    for one in measurements:
        by_component.setdefault(one.component, []).append(one)
    evidence = (_session_evidence(name, found) for name, found in by_component.items())
    return health(evidence, is_whole=is_whole, has_drifted=has_drifted)


def mark_of_budget(result: BudgetResult) -> float:
    """Return the mark of a budget, from 0 to 100."""
    metric = METRICS.get(result.metric)
    spent = result.used or 0.0
    if result.verdict is BudgetVerdict.WITHIN and metric is not None and metric.is_exact:
        return _MOST  # users set its limit to the number, so all of the limit is used
    by_use = _MOST - 40 * (min(max(spent, 0.5), 1.0) - 0.5) if spent <= 1 else 80 / spent
    return min(by_use, _BUDGET_MOST[result.verdict])


def mark_of_change(result: RegressionResult) -> float | None:
    """Return the mark of a comparison, from 0 to 100; None if there was nothing to compare with."""
    mark = _CHANGE_MARKS.get(result.verdict)
    return mark / max(result.badness, 1.0) if mark and result.verdict is RegressionVerdict.REGRESSED else mark


def apdex_target(limits: Mapping[str, float]) -> float | None:
    """Return the target of the Apdex, in ns, from limits by metric; None if no time has a limit."""
    return next((limits[name] for name in TARGETS if name in limits), None)


def _score(evidence: Evidence) -> float:
    marks = [mark_of_budget(one) for one in evidence.budgets]
    marks += [mark for one in evidence.changes if (mark := mark_of_change(one)) is not None]
    marks += [_BUDGET_MOST[BudgetVerdict.UNMEASURED]] * evidence.unmeasured
    mean = math.fsum(marks) / len(marks) if marks else _MOST
    most = FAIR - 1 if _is_bad(evidence) else _MOST
    error_rate = evidence.errors / evidence.requests if evidence.requests else 0.0
    return max(min(mean, most, _MOST - _PER_ERROR * error_rate), 0.0)


def _has_marks(evidence: Evidence) -> bool:
    has_change = any(mark_of_change(one) is not None for one in evidence.changes)
    return bool(evidence.budgets or has_change or evidence.unmeasured or evidence.requests)


def _is_bad(evidence: Evidence) -> bool:
    return any(one.verdict is BudgetVerdict.EXCEEDED for one in evidence.budgets) or any(
        one.verdict in (RegressionVerdict.REGRESSED, RegressionVerdict.WRONG_CODE) for one in evidence.changes
    )


def _component(evidence: Evidence) -> ComponentHealth:
    budgets = [one.verdict for one in evidence.budgets]
    return ComponentHealth(
        evidence.component,
        _whole(_score(evidence)),
        evidence.apdex.score,
        len(budgets),
        budgets.count(BudgetVerdict.WITHIN),
        budgets.count(BudgetVerdict.EXCEEDED),
        sum(one.verdict is RegressionVerdict.REGRESSED for one in evidence.changes),
        evidence.requests,
        evidence.errors,
    )


def _whole(score: float) -> int:
    """Return a score without its fraction: rounding up would show 100 beside a lost point."""
    return int(score + 1e-9)  # the mean of equal marks may lie just below them


def _session_evidence(component: str, measurements: Sequence[Measurement]) -> Evidence:
    loads = [one.load for one in measurements if one.load is not None]
    return Evidence(
        component,
        [result for one in measurements for result in one.budgets],
        [result for one in measurements if not one.is_pending for result in one.changes],
        sum(bool(one.unmeasured) for one in measurements),
        sum(one.requests for one in loads),
        sum(one.failures for one in loads),
        sum((_apdex(one) for one in measurements), Apdex()),
    )


def _apdex(measurement: Measurement) -> Apdex:
    """Return the numbers of a measurement as far as its quantiles show them: the shares are lower bounds."""
    own = [one for one in measurement.budgets if not one.span]
    timed = {one.metric: one.limit for one in own if one.unit == "ns"}  # CPU times are no target
    target_ns = apdex_target(timed)
    if target_ns is None or not measurement.rounds:
        return Apdex()
    shares = {**QUANTILES, "max": 1.0}
    known = [(shares[name], value) for name, value in measurement.statistics.items() if name in shares]
    satisfied = max((share for share, value in known if value <= target_ns), default=0.0)
    tolerated = max((share for share, value in known if value <= TOLERATED * target_ns), default=0.0)
    rounds = measurement.rounds
    return Apdex(satisfied * rounds, (tolerated - satisfied) * rounds, rounds)
