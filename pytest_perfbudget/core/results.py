"""The results of judging: a verdict on each budget, and on each number that is compared.

The results of budgets and comparisons convert to builtins and back, so that they cross a process boundary unchanged.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pytest_perfbudget.core.blame import Blame
from pytest_perfbudget.core.instructions import InstructionGrowth, InstructionRow
from pytest_perfbudget.core.metrics import Direction, is_just_maximum
from pytest_perfbudget.core.spans.changes import SpanComparison
from pytest_perfbudget.core.versions import VersionChange

_MOST_USED: Final = 1e9
"""The largest share of a limit: JSON has no infinity."""


_MOST_OF_JUDGED: Final = 3.0
"""The ratio of the mean of all executions to the judged time above which a slow tail does not explain it."""


class BudgetVerdict(enum.Enum):
    """The verdict on one budget; the members go from the most to the least pressing."""

    EXCEEDED = "exceeded"
    UNDECIDED = "undecided"
    UNMEASURED = "unmeasured"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """The verdict of a criterion on a limit, with the numbers that the verdict rests on.

    Attributes:
        verdict: for an upper limit, `exceeded` means `lower > limit` and `within` means `upper <= limit`; for a lower
            limit the meanings are the other way round.
        estimate: the estimate of the statistic, in base units (ns, bytes, a count or a ratio).
        lower: the lower bound of the statistic; None where the data cannot give a bound.
        upper: the upper bound of the statistic; None where the data cannot give a bound.
        rounds: the number of rounds that were looked at.
        needs_rounds: the fewest rounds with which the missing bound could exist; None if nothing is inferred.
        effective: the number of independent rounds that would say as much, if the rounds depend on each other; else
            None.
        without_waits: the estimate without the time spent waiting for a CPU that other processes held, if the verdict
            is `undecided` for that time only; else None.
    """

    verdict: BudgetVerdict
    estimate: float
    lower: float | None
    upper: float | None
    rounds: int
    needs_rounds: int | None = None
    effective: float | None = None
    without_waits: float | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A query, or another span, that one line of one execution makes again and again.

    Attributes:
        statement: the text of the query without its values; empty if the spans have no statement.
        count: the number of times in one execution.
        site: the line of the project that made the query; empty if the line is not known.
    """

    statement: str
    count: int
    site: str = ""


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """One budget and the verdict on it.

    Attributes:
        metric: the budget's metric: `p95`, `cpu_mean`, `peak`, ...
        keyword: the keyword with which the limit was written: `p95_ms`.
        unit: the base unit of all numbers.
        limit: the limit, in base units.
        source: the place where the limit was written.
        verdict: the verdict on the budget.
        direction: the direction in which the metric is better.
        estimate: the estimate of the metric; None if nothing was measured. Of a time that is `within`, it is that of
            all rounds, without the time spent waiting for a CPU that other processes held.
        lower: see `CriterionResult`, as for the next five.
        upper: see `CriterionResult`.
        rounds: the number of rounds behind the estimate.
        needs_rounds: see `CriterionResult`.
        effective: see `CriterionResult`.
        without_waits: see `CriterionResult`.
        reason: the reason why there is no number, or why the numbers are corrected.
        span: the name of the spans that the budget limits; empty for a budget on the measurement itself.
        repeats: the most frequent queries of the execution with the most spans, if there are too many.
        instructions: the functions with the most bytecode instructions, if there are too many.
        is_required: whether the test fails because it never takes the number, so that the limit could never fail it.
    """

    metric: str
    keyword: str
    unit: str
    limit: float
    source: str
    verdict: BudgetVerdict
    direction: Direction = Direction.LOWER
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    rounds: int = 0
    needs_rounds: int | None = None
    effective: float | None = None
    without_waits: float | None = None
    reason: str = ""
    span: str = ""
    repeats: Sequence[Repeat] = ()
    instructions: Sequence[InstructionRow] = ()
    is_required: bool = False

    @property
    def label(self) -> str:
        """The name of the metric in reports, with the name of the spans if the budget limits spans."""
        return f"{self.span} {self.metric}".lstrip()

    @property
    def used(self) -> float | None:
        """The share of the limit that is used up, above 1 if the limit is exceeded; None if nothing was measured.

        Of a rate of success, this is the share of the allowed failures.
        """
        if self.unit == "%" and self.direction is Direction.HIGHER and self.estimate is not None:
            allowed = 100 - self.limit
            return min((100 - self.estimate) / allowed, _MOST_USED) if allowed else None
        if self.estimate is None or not self.limit:  # no share of a limit of zero
            return None
        share, whole = (self.estimate, self.limit) if self.direction is Direction.LOWER else (self.limit, self.estimate)
        return min(share / whole, _MOST_USED) if whole > 0 else _MOST_USED

    @property
    def is_just_maximum(self) -> bool:
        """Whether the estimate is a percentile that is just the slowest round; see `metrics.is_just_maximum`."""
        return self.estimate is not None and is_just_maximum(self.metric, self.rounds, self.span)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as builtins; `from_dict` ignores `used` and `is_just_maximum`, which are for readers."""
        words = {"verdict": self.verdict.value, "direction": self.direction.value}
        lists = {
            "repeats": [asdict(one) for one in self.repeats],
            "instructions": [asdict(one) for one in self.instructions],
        }
        readers = {"used": self.used, **({"is_just_maximum": True} if self.is_just_maximum else {})}
        found = {**asdict(self), **words, **lists, **readers}
        return found if self.is_required else {name: found[name] for name in found if name != "is_required"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BudgetResult:
        """Rebuild a result from the result of `to_dict`."""
        kept = {key: value for key, value in data.items() if key not in ("used", "is_just_maximum")}
        words = {"verdict": BudgetVerdict(data["verdict"]), "direction": Direction(data["direction"])}
        lists = {
            "repeats": tuple(Repeat(**entry) for entry in data.get("repeats", ())),
            "instructions": tuple(InstructionRow(**entry) for entry in data.get("instructions", ())),
        }
        return cls(**{**kept, **words, **lists})


class RegressionVerdict(enum.Enum):
    """The verdict on one number against the baseline or another commit, members from the most to the least pressing."""

    REGRESSED = "regressed"
    WRONG_CODE = "wrong_code"
    UNMEASURED = "unmeasured"
    NEW = "new"
    FOREIGN = "foreign"
    MISSING = "missing"
    CHANGED = "changed"
    UNDECIDED = "undecided"
    UNCONFIRMED = "unconfirmed"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"

    @property
    def is_unjudged(self) -> bool:
        """Whether nothing was compared at all."""
        return self in _UNJUDGED


_UNJUDGED: Final = frozenset(
    {
        RegressionVerdict.WRONG_CODE,
        RegressionVerdict.UNMEASURED,
        RegressionVerdict.NEW,
        RegressionVerdict.FOREIGN,
        RegressionVerdict.MISSING,
    }
)


@dataclass(frozen=True, slots=True)
class Growth:
    """A function that is called more often than before.

    Attributes:
        function: the name of the function, `package.module:name`.
        before: the number of calls before; None if the number is not known.
        after: the number of calls now.
        caller: the function of the project that alone calls the function more often; empty if that is not known.
    """

    function: str
    before: int | None
    after: int
    caller: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the growth as builtins, without a caller that is not known."""
        entry = asdict(self)
        return entry if self.caller else {name: entry[name] for name in entry if name != "caller"}


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """The comparison of one number of a measurement with the baseline or another commit.

    Attributes:
        metric: `time`, or a metric that is compared as a count: `calls`, `peak`.
        verdict: the verdict on the change.
        unit: the unit of `before` and `after`.
        direction: the direction in which the metric is better.
        before: the number on the other side; a time is the time in calm weather.
        after: the number now; a time is corrected for the weather likewise.
        ratio: after / before.
        lower: the lower bound of the two-sided interval for the ratio.
        upper: the upper bound of this interval.
        log_std_error: the standard error of the logarithm of the ratio.
        p_value: the one-sided p-value of these runs under unchanged code.
        alpha: the level of significance: the p-value of a regressed suspect is below it.
        limit: the allowed change for the worse, as a share.
        source: the place where the limit was written.
        runs: the number of fresh processes, or of pairs of them, that decided; 0 if the session's own run decided.
        weather: the slowness of the machine relative to the baseline's runs, as a ratio.
        in_pairs: whether pairs of processes were compared, one process of each side.
        against: the revision on the other side; empty for the baseline.
        commit: the commit on the other side.
        date: the day of the baseline's number.
        reason: the reason why there is no comparison.
        blamed: the functions whose code has caused a slowdown, the largest part first; empty if that is not known.
        grown: the functions that are called more often, the costliest first.
        installed: the distributions whose versions differ from the other side's, of a regression.
        is_test_changed: whether the test itself differs on the other side.
        is_required: whether the test fails if this number could not be compared.
        smallest_found: the smallest slowdown, as a share, that could have been found, if the baseline is too uncertain
            for the comparison; None for others.
        needs_reason: whether an update of the baseline needs a reason, because the load may have become easier.
        components: the change of each component, if spans were compared.
        executed: the functions with more bytecode instructions, the project's own first.
    """

    metric: str
    verdict: RegressionVerdict
    unit: str = "ns"
    direction: Direction = Direction.LOWER
    before: float | None = None
    after: float | None = None
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    log_std_error: float | None = None
    p_value: float | None = None
    alpha: float | None = None
    limit: float = 0.0
    source: str = ""
    runs: int = 0
    weather: float | None = None
    in_pairs: bool = False
    against: str = ""
    commit: str = ""
    date: str = ""
    reason: str = ""
    blamed: Sequence[Blame] = ()
    grown: Sequence[Growth] = ()
    installed: Sequence[VersionChange] = ()
    is_test_changed: bool = False
    is_required: bool = False
    needs_reason: bool = False
    smallest_found: float | None = None
    components: SpanComparison | None = None
    executed: Sequence[InstructionGrowth] = ()

    @property
    def fitting_components(self) -> SpanComparison | None:
        """The change of each component; None if the whole of the spans is many times the time that is judged.

        Then the spans are also of other code than the judged, such as a warm-up or child processes, or other programs
        had the CPUs while the spans were recorded. What moved is not known in either case.
        """
        found = self.components
        if found is None or self.unit != "ns":
            return found
        sides = ((found.total.before_ns, self.before), (found.total.after_ns, self.after))
        is_beyond = any(judged and spans_ns > _MOST_OF_JUDGED * judged for spans_ns, judged in sides)
        return None if is_beyond else found

    @property
    def badness(self) -> float:
        """The ratio, inverted if higher is better: a value above 1 is worse."""
        ratio = 1.0 if self.ratio is None else self.ratio
        if self.direction is Direction.LOWER:
            return ratio
        return 1 / ratio if ratio > 0 else math.inf

    def to_dict(self) -> dict[str, Any]:
        """Return the result as builtins."""
        words = {"verdict": self.verdict.value, "direction": self.direction.value}
        components = {"components": self.components and self.components.to_dict()}
        lists = {
            "blamed": [one.to_dict() for one in self.blamed],
            "executed": [one.to_dict() for one in self.executed],
            "grown": [one.to_dict() for one in self.grown],
            "installed": [asdict(one) for one in self.installed],
        }
        return {**asdict(self), **words, **lists, **components}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RegressionResult:
        """Rebuild a result from the result of `to_dict`."""
        words = {"verdict": RegressionVerdict(data["verdict"]), "direction": Direction(data["direction"])}
        found = data.get("components")
        components = None if found is None else SpanComparison.from_dict(found)
        grown = [Growth(**entry) for entry in data.get("grown", ())]
        blamed = [Blame.from_dict(entry) for entry in data.get("blamed", ())]
        executed = tuple(InstructionGrowth.from_dict(entry) for entry in data.get("executed", ()))
        installed = [VersionChange(**{"is_imported": None, **entry}) for entry in data.get("installed", ())]
        lists = {"blamed": blamed, "executed": executed, "grown": grown, "installed": installed}
        return cls(**{**data, **words, **lists, "components": components})
