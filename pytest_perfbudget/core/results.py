"""The values that travel from a measurement to the report: verdicts, judgements, measurements.

Everything here turns into builtins and back, so that it crosses a process boundary unchanged.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_perfbudget.core.weather import BlockTime


class BudgetVerdict(enum.Enum):
    """What can be said of one budget, from the most to the least pressing."""

    EXCEEDED = "exceeded"
    UNDECIDED = "undecided"
    UNMEASURED = "unmeasured"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What a criterion found in the data.

    `estimate`, `lower` and `upper` are in base units (ns, bytes, a count or a ratio); a bound is
    None where the data cannot give it. `lower > limit` is what `exceeded` means, `upper <= limit`
    what `within` means. `rounds` is how many rounds were looked at, `needs_rounds` the fewest
    with which the missing bound could exist.
    """

    verdict: BudgetVerdict
    estimate: float
    lower: float | None
    upper: float | None
    rounds: int
    needs_rounds: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """One budget and what became of it.

    `metric` is the budget's metric (`p95`, `cpu_mean`, `peak`, ...), `unit` the base unit of all
    numbers, `source` where the limit was written, `keyword` how (`p95_ms`).
    """

    metric: str
    keyword: str
    unit: str
    limit: float
    source: str
    verdict: BudgetVerdict
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    rounds: int = 0
    needs_rounds: int | None = None
    reason: str = ""

    @property
    def used(self) -> float | None:
        """The share of the limit that the estimate takes; None if nothing was measured."""
        return None if self.estimate is None else self.estimate / self.limit

    def to_dict(self) -> dict[str, Any]:
        """Return builtins only."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BudgetResult:
        """Rebuild what `to_dict` gave."""
        return cls(**{**data, "verdict": BudgetVerdict(data["verdict"])})


class RegressionVerdict(enum.Enum):
    """How a measurement stands against the baseline, from the most to the least pressing."""

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
        return self in (
            RegressionVerdict.WRONG_CODE,
            RegressionVerdict.UNMEASURED,
            RegressionVerdict.NEW,
            RegressionVerdict.FOREIGN,
            RegressionVerdict.MISSING,
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """A function that is called more often, or takes longer, than before.

    Attributes:
        function: its name, `package.module:name`.
        before: how often it was called; None where that is not known.
        after: how often it is called now.
        gained_ns: the time that it takes more in one profiled call, with the libraries that it calls; None where
            that is not known.
        of_ns: the time that all functions together take more.
    """

    function: str
    before: int | None
    after: int
    gained_ns: float | None = None
    of_ns: float | None = None


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """One number of a measurement against the baseline.

    Attributes:
        metric: `time`, `calls` or `peak`.
        standing: what can be said.
        unit: of `before` and `after`.
        before: the baseline's number; a time is that in calm weather.
        after: the number now, freed of the weather likewise.
        ratio: after / before, with the bounds `lower` and `upper` of a two-sided interval.
        log_std_error: the standard error of the ratio's logarithm.
        p_value: the one-sided p-value of these runs under unchanged code.
        alpha: the p-value below which a suspect is regressed.
        limit: the growth that is allowed, as a share.
        source: where that was written.
        runs: fresh processes that decided; 0 if the session's own run did.
        weather: how much slower the machine was than when the baseline was made, as a ratio.
        in_pairs: whether they were pairs of processes, one of each side.
        against: with what it is compared: a revision of git's, the baseline if empty.
        commit: the commit of that.
        date: its day.
        reason: why there is no comparison.
        grown: the functions that are called more often, the costliest first.
        is_test_changed: whether the test itself is another one there.
    """

    metric: str
    verdict: RegressionVerdict
    unit: str = "ns"
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
    grown: Sequence[Growth] = ()
    is_test_changed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return builtins only."""
        return {**asdict(self), "verdict": self.verdict.value, "grown": [asdict(one) for one in self.grown]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RegressionResult:
        """Rebuild what `to_dict` gave."""
        grown = [Growth(**entry) for entry in data["grown"]]
        return cls(**{**data, "verdict": RegressionVerdict(data["verdict"]), "grown": grown})


@dataclass(frozen=True, slots=True)
class Recording:
    """What a measurement is compared by: its blocks, and what one execution calls and holds.

    Attributes:
        blocks: the timed blocks with the weather around them.
        calls: function calls of one execution; None if they could not be counted.
        peak: bytes held at once; None likewise.
        functions: calls by function, `module:name`, in the order of the time they take with all they call.
        uncounted: why a count that was asked for is None.
        turns: of what was measured in turns, the turn of each block.
        times: of one profiled call, the ns that each function of the project's takes with the libraries that it
            calls; all of it under the empty name.
        cpus: how many CPUs were in use, on average; None if that is not known.
    """

    blocks: Sequence[BlockTime] = ()
    calls: int | None = None
    peak: int | None = None
    functions: Mapping[str, int] = field(default_factory=dict)
    uncounted: str = ""
    turns: Sequence[int] = ()
    times: Mapping[str, float] = field(default_factory=dict)
    cpus: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return builtins only."""
        blocks = [[one.time_ns, list(one.before), list(one.after), one.mean_ns] for one in self.blocks]
        counts = {"calls": self.calls, "peak": self.peak, "functions": dict(self.functions)}
        return {
            "blocks": blocks,
            **counts,
            "uncounted": self.uncounted,
            "turns": list(self.turns),
            "times": dict(self.times),
            "cpus": self.cpus,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recording:
        """Rebuild what `to_dict` gave."""
        blocks = [
            BlockTime(time_ns, tuple(before), tuple(after), mean) for time_ns, before, after, mean in data["blocks"]
        ]
        return cls(**{**data, "blocks": blocks})


@dataclass(frozen=True, slots=True)
class Measurement:
    """One timed thing of one test, judged.

    `kind` says how the rounds came about: `body`, `call`, `timer`, `ratio` or `benchmark`.
    `statistics` maps metric names to base units, `iterations` is the number of calls that one
    round averages, `overhead_ns` what a round costs beyond the call, `warnings` what a reader
    should know before trusting the numbers, `profile` where the time of one call went if a
    budget was exceeded: function, calls, share of the time. `max_regression` is the growth that it is
    allowed against the baseline, as a share; None if it is not compared. `changes` is how it stands against the
    baseline, `recording` what that rests on; it stays within the process that compares.
    """

    nodeid: str
    name: str
    kind: str
    component: str
    rounds: int
    iterations: int
    overhead_ns: float | None
    elapsed_ns: int
    statistics: Mapping[str, float]
    judgements: Sequence[BudgetResult]
    warnings: Sequence[str] = ()
    profile: Sequence[tuple[str, int, float]] = ()
    max_regression: float | None = None
    changes: Sequence[RegressionResult] = ()
    recording: Recording | None = None

    @property
    def id(self) -> str:
        """The node id, and behind a space the measurement's own name if it has one."""
        return f"{self.nodeid} {self.name}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return builtins only."""
        return {
            "nodeid": self.nodeid,
            "name": self.name,
            "kind": self.kind,
            "component": self.component,
            "rounds": self.rounds,
            "iterations": self.iterations,
            "overhead_ns": self.overhead_ns,
            "elapsed_ns": self.elapsed_ns,
            "statistics": dict(self.statistics),
            "judgements": [judgement.to_dict() for judgement in self.judgements],
            "warnings": list(self.warnings),
            "profile": [list(entry) for entry in self.profile],
            "max_regression": self.max_regression,
            "changes": [change.to_dict() for change in self.changes],
            **({"recording": self.recording.to_dict()} if self.recording else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Rebuild what `to_dict` gave."""
        judgements = [BudgetResult.from_dict(entry) for entry in data["judgements"]]
        profile = [(function, calls, share) for function, calls, share in data["profile"]]
        changes = [RegressionResult.from_dict(entry) for entry in data["changes"]]
        recording = Recording.from_dict(data["recording"]) if "recording" in data else None
        return cls(**{**data, "judgements": judgements, "profile": profile, "changes": changes, "recording": recording})
