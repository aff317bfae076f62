"""Regression results from the recordings of both sides, by the same rules for every comparison."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_perfbudget.core.blame import Blame
from pytest_perfbudget.core.cost_graph import CostGraph, calmest, with_known_library
from pytest_perfbudget.core.counts import (
    CountPair,
    any_has_grown,
    comparable,
    compare_counts,
    confirm_count,
    has_grown,
    needs_attempt,
)
from pytest_perfbudget.core.culprits import blamed_functions, grown_functions, with_other_code
from pytest_perfbudget.core.instruction_growth import grown_instructions
from pytest_perfbudget.core.instructions import ExecutedFunctions, InstructionGrowth
from pytest_perfbudget.core.limits import RegressionTolerance
from pytest_perfbudget.core.metrics import CALLS, INSTRUCTIONS, TIME, Metric
from pytest_perfbudget.core.own_costs import OwnCosts
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import Growth, RegressionResult, RegressionVerdict


@dataclass(frozen=True, slots=True)
class Sides:
    """The recordings of one measurement on both sides, from one attempt.

    Attributes:
        head: the recording of the present code.
        base: the recording of the baseline or the other commit.
        is_test_changed: whether the test itself differs in the base.
    """

    head: Recording
    base: Recording
    is_test_changed: bool = False

    def any_has_grown(self, tolerance: float) -> bool:
        """Return whether a count of the head is worse than the base's by more than is allowed."""
        return any_has_grown(self.base.counts, self.head.counts, tolerance)


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the other side's numbers, for a result; see `RegressionResult`."""

    against: str = ""
    commit: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class CalledFunctions:
    """Calls by function on the other side; `unknown` is the most calls that an unlisted function may have had.

    `costs` are those of the project's functions, if they were profiled on this machine.
    """

    functions: Mapping[str, int]
    unknown: int = 0
    costs: CostGraph | None = None


@dataclass(frozen=True)
class Evidence:
    """All that is known about one measurement on both sides.

    Attributes:
        time: the result for the time, from the slowdown test.
        tolerance: the change for the worse that is allowed.
        screening: the first attempt; None if the other side has no such measurement.
        fresh: the attempts in fresh processes.
        problem: the reason why fresh processes could not confirm; empty if they could.
        origin: the origin of the other side's time.
        count_origin: the origin of the other side's counts, if it differs.
        in_pairs: whether the two sides were measured in pairs.
        is_skipped: whether the test is not judged because it differs in the base.
        base_functions: a function that reads the other side's calls by function, if the recordings lack them.
        is_required: whether the test fails if its time could not be compared.
        base_instructions: a function that reads the other side's instructions by function, likewise.
        own_modules: a function that returns the project's modules; their functions are named first.
        changed_functions: a function that returns the functions whose code differs, also those that no profile has.
    """

    time: RegressionResult
    tolerance: RegressionTolerance
    screening: Sides | None = None
    fresh: Sequence[Sides] = ()
    problem: str = ""
    origin: Origin = field(default_factory=Origin)
    count_origin: Origin | None = None
    in_pairs: bool = False
    is_skipped: bool = False
    is_required: bool = False
    base_instructions: Callable[[], ExecutedFunctions | None] | None = None
    base_functions: Callable[[], CalledFunctions | None] | None = None
    own_modules: Callable[[], Collection[str]] = tuple
    changed_functions: Callable[[], Sequence[str]] = tuple

    @property
    def attempts(self) -> Sequence[Sides]:
        """All attempts, the first one first."""
        return [*(() if self.screening is None else (self.screening,)), *self.fresh]

    def results(self) -> list[RegressionResult]:
        """Return the result for the time, and for each count that the other side has."""
        found = [self._explained_time()]
        # A measurement that was not timed was not counted either, for the same reason.
        if self.screening is not None and not self.screening.head.untimed:
            found += [self._count(metric) for metric in comparable(self.screening.base.counts)]
        return [self._sourced(one) for one in found]

    def _explained_time(self) -> RegressionResult:
        """Return the result for the time; a regression also names the functions that explain it."""
        if self.time.verdict is not RegressionVerdict.REGRESSED or self.screening is None:
            return self.time
        sides = self.fresh or [self.screening]
        profiled = next((one for one in reversed(sides) if one.head.functions), sides[-1])
        blamed = self.time.blamed or with_other_code(self._blamed(), self.changed_functions, profiled.head.functions)
        return replace(self.time, blamed=blamed, grown=self._called_more(profiled))

    def _blamed(self) -> list[Blame]:
        """Return the functions whose code has caused the slowdown, by the profiles of all attempts."""
        stored = self._stored()
        if stored is None:
            return blamed(self.attempts, self.time)
        functions, costs = stored
        heads = [one.head.costs for one in self.attempts if one.head.costs is not None]
        costs = with_known_library(costs, functions, calmest(heads)) if heads else costs
        return blamed([replace(one, base=replace(one.base, costs=costs)) for one in self.attempts], self.time)

    def own_costs(self) -> OwnCosts | None:
        """Return the own costs of functions on both sides; None if the other side keeps none."""
        stored, heads = self._stored(), [one.head.costs for one in self.attempts if one.head.costs is not None]
        if stored is None or not heads:
            return None
        functions, costs = stored
        return OwnCosts.of(calmest(heads), costs, functions)

    def _stored(self) -> tuple[Mapping[str, int], CostGraph] | None:
        """Return the other side's calls by function, and its costs in the weather of now; None if it keeps none."""
        stored = self.base_functions() if self.base_functions is not None else None
        if stored is None or stored.costs is None:
            return None
        return stored.functions, stored.costs.times(self.time.weather or 1.0)

    def _count(self, metric: Metric) -> RegressionResult:
        """Return the result for a count; fresh processes have to confirm that a count has grown."""
        assert self.screening is not None  # noqa: S101 - for mypy
        before = self.screening.base.counts[metric.name]
        after = self.screening.head.counts.get(metric.name)
        if after is None:
            why = f"its {metric.words} could not be counted: {self.screening.head.uncounted or 'nothing counted them'}"
            return _unmeasured(metric, before, why)
        first = CountPair(before, after)
        share = self.tolerance.share
        if self.is_skipped or not has_grown(metric, before, after, share):
            return compare_counts(metric, [first], share)
        again = _pairs(metric, self.fresh)
        if not again or self.problem:
            why = self.problem or "a fresh process did not count it"
            return _unmeasured(metric, before, f"{_worse(metric)}, which could not be confirmed: {why}")
        result = confirm_count(metric, first, again, share)
        if metric is CALLS and result.verdict is RegressionVerdict.REGRESSED:
            return replace(result, grown=self._called_more(self.screening))
        if metric is INSTRUCTIONS and result.verdict is RegressionVerdict.REGRESSED:
            return replace(result, executed=self._executed_more(self.screening))
        return result

    def _executed_more(self, sides: Sides) -> list[InstructionGrowth]:
        """Return the functions with more instructions in the head, and their lines that run more often."""
        stored = self.base_instructions() if self.base_instructions is not None else None
        before = stored or ExecutedFunctions(sides.base.instructions)
        return grown_instructions(before, sides.head.instructions, self.own_modules())

    def _called_more(self, sides: Sides) -> list[Growth]:
        """Return the functions that the head calls more often."""
        before: CalledFunctions | None = CalledFunctions(sides.base.functions)
        if self.base_functions is not None:
            before = self.base_functions()
        if before is None or not sides.head.functions:
            return []
        costs = before.costs if self.base_functions is not None else sides.base.costs
        own = self.own_modules()
        return grown_functions(before.functions, sides.head.functions, before.unknown, own, (costs, sides.head.costs))

    def _sourced(self, result: RegressionResult) -> RegressionResult:
        """Return a result with the origin of the other side and the place of the limit."""
        is_skipped = self.is_skipped and not result.verdict.is_unjudged
        origin = self.origin if result.metric == TIME.name else self.count_origin or self.origin
        return replace(
            result,
            verdict=RegressionVerdict.CHANGED if is_skipped else result.verdict,
            limit=self.tolerance.share,
            source=self.tolerance.source,
            against=origin.against,
            commit=origin.commit,
            date=origin.date,
            in_pairs=self.in_pairs or result.in_pairs,
            is_test_changed=self.screening is not None and self.screening.is_test_changed,
            is_required=self.is_required and result.metric == TIME.name,
        )


def blamed(attempts: Sequence[Sides], time: RegressionResult) -> list[Blame]:
    """Return the functions whose code has caused a slowdown; none without profiles of both sides."""
    both = [(one.base.costs, one.head.costs) for one in attempts]
    profiled = [(base, head) for base, head in both if base is not None and head is not None]
    if not profiled:
        return []
    slower_ns = (time.after or 0.0) - (time.before or 0.0)
    before, after = calmest([base for base, _ in profiled]), calmest([head for _, head in profiled])
    return [one.of_slowdown(slower_ns) for one in blamed_functions(before, after, slower_ns, time.before)]


def needs_counts(attempts: Sequence[Sides], tolerance: float) -> bool:
    """Return whether a further attempt has to count, because a count has grown in each fresh attempt so far."""
    if not attempts:
        return True
    for metric in comparable(attempts[0].base.counts):
        pairs = _pairs(metric, attempts)
        if len(pairs) == len(attempts) and needs_attempt(metric, pairs, tolerance):
            return True
    return False


def _pairs(metric: Metric, attempts: Sequence[Sides]) -> list[CountPair]:
    """Return the counts of the attempts in which both sides have one."""
    return [
        CountPair(one.base.counts[metric.name], one.head.counts[metric.name])
        for one in attempts
        if metric.name in one.base.counts and metric.name in one.head.counts
    ]


def _unmeasured(metric: Metric, before: float, reason: str) -> RegressionResult:
    return RegressionResult(
        metric.name, RegressionVerdict.UNMEASURED, metric.unit, metric.direction, before=before, reason=reason
    )


def _worse(metric: Metric) -> str:
    more = "more" if metric.is_worse(1, 0) else "fewer"
    return f"{more} {metric.words} than allowed"
