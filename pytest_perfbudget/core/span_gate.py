"""The gate of spans: the only place where the spans of a measurement are compared with their budgets.

A time is judged span by span; a span that ended with an error before the limit does not count, because a service would
look the faster, the more often it fails. A count is judged in the execution with the most spans, and a share by the
median of all executions. Several spans of the same execution depend on each other, so their criteria count effective
spans; see `core.criteria.dependent`. The time of every span is judged; a share is that of the first million executions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria import Criterion, Errors
from pytest_perfbudget.core.criteria.dependent import DependentMeanCriterion, DependentQuantileCriterion
from pytest_perfbudget.core.criteria.extreme import ExtremeCriterion
from pytest_perfbudget.core.criteria.load_latencies import decide_latencies
from pytest_perfbudget.core.criteria.mean import FEWEST_ROUNDS, MeanCriterion
from pytest_perfbudget.core.criteria.quantile import QuantileCriterion, rounds_to_bound
from pytest_perfbudget.core.gate import budget_result, unmeasured
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.metrics import QUANTILES, SPAN_COUNT, SPAN_SHARE, Metric
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, CriterionResult, Repeat
from pytest_perfbudget.core.span_budgets import SpanBudget
from pytest_perfbudget.core.spans.known_names import KnownNames
from pytest_perfbudget.core.spans.series import SpanSeries, SpanStore
from pytest_perfbudget.core.spans.statements import repeats_of
from pytest_perfbudget.errors import nearest

_MARGIN: Final = 4
"""The number of executions in units of the fewest that could decide: some may lie above the limit then."""

_MOST_NAMED: Final = 5

_FAILED_EARLY: Final = "ended with an error before the limit"

_FEW: Final = 0.1
"""The spans that may be missing, in units of those that a percentile lets lie above its limit."""

WHY_REFUSED: Final = "OpenTelemetry for Python needs the extra otel, and a batch has at most 8 MB"

HOW_TO_RECORD: Final = "mark the code with `track`, or let it be instrumented by OpenTelemetry"


_HOW_TO_KNOW: Final = (
    "for a limit of 0, the project's code has to name the span in track(), or a test before has to record such a span, "
    "as the name may be misspelt"
)


@dataclass(frozen=True)
class SpanGate:
    """The gate for the budgets on spans of one measurement.

    Attributes:
        budgets: the budgets that hold.
        errors: the largest probabilities of wrong verdicts.
        known: the names of spans that exist, which tell a limit of 0 on spans that do not occur from a misspelt name.
    """

    budgets: Sequence[SpanBudget]
    errors: Errors
    known: KnownNames = field(default_factory=KnownNames)

    @property
    def executions(self) -> int:
        """The number of executions that the budgets need; 0 without budgets."""
        return max((self._needed(one.budget.metric) for one in self.budgets), default=0)

    @property
    def expected(self) -> frozenset[str]:
        """The names that the test itself limits."""
        return frozenset(one.span for one in self.budgets if not one.budget.general)

    @property
    def names(self) -> frozenset[str]:
        """The names that have a limit."""
        return frozenset(one.span for one in self.budgets)

    @property
    def watched(self) -> frozenset[str]:
        """The names whose number is limited."""
        return frozenset(one.span for one in self.budgets if one.budget.metric is SPAN_COUNT)

    @property
    def has_unknown(self) -> bool:
        """Whether a limit of 0 stands on a name that is not known so far."""
        return any(not one.budget.limit and not self.known.has(one.span) for one in self.budgets)

    def judge(self, store: SpanStore, *, is_load: bool = False) -> list[BudgetResult]:
        """Return the result of every budget.

        A limit that covers many tests says nothing about a test without such a span.

        Args:
            store: the spans of all executions.
            is_load: whether the executions are requests of a load, which depend on each other.
        """
        found = []
        for one in self.budgets:
            series = store.series(one.span)
            if series is not None:
                found.append(self._judge(one, series, store, is_load=is_load))
            elif not one.budget.general:
                found.append(replace(self._judge_none(one, store), span=one.span))
        return found

    def _judge_none(self, one: SpanBudget, store: SpanStore) -> BudgetResult:
        """Return the result of a limit on spans that did not occur, which is the aim of a limit of 0."""
        executions = store.executions + store.beyond
        if one.budget.limit or not executions or _doubt(one.span, store):
            return unmeasured(one.budget, _why_none(one.span, store))
        if not self.known.has(one.span):
            return unmeasured(one.budget, f"{_why_none(one.span, store)}; {_HOW_TO_KNOW}")
        return budget_result(one.budget, CriterionResult(BudgetVerdict.WITHIN, 0.0, 0.0, 0.0, executions))

    def refuse(self, reason: str) -> list[BudgetResult]:
        """Return the results for a measurement whose spans cannot be told apart by execution."""
        own = [one for one in self.budgets if not one.budget.general]
        return [replace(unmeasured(one.budget, reason), span=one.span) for one in own]

    def _judge(self, one: SpanBudget, series: SpanSeries, store: SpanStore, *, is_load: bool) -> BudgetResult:
        if one.budget.metric is SPAN_COUNT:
            result = self._judge_count(one, series, store)
        elif one.budget.metric is SPAN_SHARE:
            result = self._judge_share(one, series, store, is_load=is_load)
        else:
            result = self._judge_time(one, series, store, is_load=is_load)
        return replace(result, span=one.span)

    @staticmethod
    def _judge_count(one: SpanBudget, series: SpanSeries, store: SpanStore) -> BudgetResult:
        budget = one.budget
        is_exceeded = budget.metric.is_worse(series.most, budget.limit)
        if not is_exceeded and (why := _why_unsure(one.span, series, store)):
            return unmeasured(budget, why)
        verdict = BudgetVerdict.EXCEEDED if is_exceeded else BudgetVerdict.WITHIN
        executions = store.executions + store.beyond
        result = budget_result(budget, CriterionResult(verdict, series.most, series.most, series.most, executions))
        repeats = repeats_of(series.statements) if is_exceeded else ()
        return replace(result, repeats=tuple(Repeat(*found) for found in repeats))

    def _judge_share(self, one: SpanBudget, series: SpanSeries, store: SpanStore, *, is_load: bool) -> BudgetResult:
        pairs = zip(series.covered_ns, store.totals_ns, strict=True)
        shares = [100 * part / total if total else 0.0 for part, total in pairs]
        decided = self._criterion(0.5, is_dependent=is_load).decide(shares, one.budget.limit, final=True)
        result = budget_result(one.budget, decided)
        if result.verdict is BudgetVerdict.WITHIN and (why := _why_other(one, series, store)):
            return unmeasured(one.budget, why)
        kept, beyond = store.executions, store.beyond
        reason = f"of the first {kept:,} executions; there were {kept + beyond:,}" if beyond else result.reason
        return replace(result, reason=reason)

    def _judge_time(self, one: SpanBudget, series: SpanSeries, store: SpanStore, *, is_load: bool) -> BudgetResult:
        times = series.durations.with_failed(one.budget.limit)
        failed = len(series.durations) + series.durations.failures - len(times)
        if not len(times):
            return unmeasured(
                one.budget, f"each of {failed:,} spans {_FAILED_EARLY}: nothing tells the time of the work"
            )
        result = budget_result(one.budget, self._decide(one.budget, times, is_dependent=is_load or series.most > 1))
        if result.verdict is BudgetVerdict.WITHIN and (why := _why_other(one, series, store)):
            return unmeasured(one.budget, why)
        reason = f"without {failed:,} of {failed + len(times):,} spans, which {_FAILED_EARLY}" if failed else ""
        return replace(result, reason=reason or result.reason)

    def _decide(self, budget: Budget, times: Latencies, *, is_dependent: bool) -> CriterionResult:
        metric, limit = budget.metric, budget.limit
        if not times.is_exact:
            return decide_latencies(metric, times, limit, self.errors)
        if metric.statistic in QUANTILES:
            criterion = self._criterion(QUANTILES[metric.statistic], is_dependent=is_dependent)
        elif metric.statistic == "mean":
            criterion = DependentMeanCriterion(self.errors) if is_dependent else MeanCriterion(self.errors, None)
        else:
            criterion = ExtremeCriterion(cast("Literal['min', 'max']", metric.statistic), None)
        return criterion.decide(times.sequence, limit, final=True)

    def _criterion(self, share: float, *, is_dependent: bool) -> Criterion:
        if is_dependent:
            return DependentQuantileCriterion(share, self.errors)
        return QuantileCriterion(share, self.errors, None)

    def _needed(self, metric: Metric) -> int:
        if metric is SPAN_SHARE:
            return _MARGIN * rounds_to_bound(0.5, self.errors.within)
        if metric.statistic in QUANTILES:
            return _MARGIN * rounds_to_bound(QUANTILES[metric.statistic], self.errors.within)
        return _MARGIN * FEWEST_ROUNDS if metric.statistic == "mean" else 1


def _why_unsure(name: str, series: SpanSeries, store: SpanStore) -> str:
    """Return the reason why an execution may have more spans than were seen; empty if there is none."""
    doubt = _doubt(name, store)
    return f"at most {series.most:,} in an execution were seen, and there may be more: {doubt}" if doubt else ""


def _why_other(one: SpanBudget, series: SpanSeries, store: SpanStore) -> str:
    """Return the reason why a limit on a time or a share may not hold for all spans; empty if there is none.

    The spans that are missing may be the slowest: they were open when their process was killed, or came when there were
    too many. Few of them say nothing about a percentile, and any may be the maximum.
    """
    statistic = one.budget.metric.statistic
    if statistic == "min":
        return ""
    seen, missing = len(series.durations), store.missing(one.span) + store.vanished + store.refused
    beyond = 1 - QUANTILES.get(statistic, 1.0 if statistic == "max" else 0.5)
    if missing <= _FEW * beyond * (seen + missing):
        return ""
    return f"{seen:,} spans were seen, and there may be slower ones: {_lost(one.span, store)}"


def _doubt(name: str, store: SpanStore) -> str:
    if store.is_untraced(name):
        return "spans of other processes came without a trace: send headers(), and adopt them with continued()"
    return _lost(name, store)


def _lost(name: str, store: SpanStore) -> str:
    missing, vanished = store.missing(name), store.vanished
    ended = "another process ended" if vanished == 1 else f"{vanished:,} other processes ended"
    doubts = [f"{missing:,} spans were lost"] if missing else []
    doubts += [f"{ended} by a signal or os._exit(), without sending the last spans"] if vanished else []
    refused = "a batch of spans was" if store.refused == 1 else f"{store.refused:,} batches of spans were"
    doubts += [f"{refused} refused: {WHY_REFUSED}"] if store.refused else []
    return " and ".join(doubts)


def _why_none(name: str, store: SpanStore) -> str:
    """Return the reason why a span has no numbers."""
    names = store.names
    if doubt := _doubt(name, store):
        return f"no span of the name {name!r} was seen, and there may be some: {doubt}"
    if not names:
        return f"no span was recorded: {HOW_TO_RECORD}"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    what = "a name like" if "*" in name else "the name"
    hint = nearest(name, names, cutoff=0.7)
    return f"no span has {what} {name!r}{hint}; recorded: {', '.join(names[:_MOST_NAMED])}{more}"
