"""The values that travel from a measurement to the report: verdicts, judgements, measurements.

Everything here turns into builtins and back, so that it crosses a process boundary unchanged.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


class Verdict(enum.Enum):
    """What can be said of one budget, from the most to the least pressing."""

    EXCEEDED = "exceeded"
    UNDECIDED = "undecided"
    UNMEASURED = "unmeasured"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a criterion found in the data.

    `estimate`, `lower` and `upper` are in base units (ns, bytes, a count or a ratio); a bound is
    None where the data cannot give it. `lower > limit` is what `exceeded` means, `upper <= limit`
    what `within` means. `rounds` is how many rounds were looked at, `needs_rounds` the fewest
    with which the missing bound could exist.
    """

    verdict: Verdict
    estimate: float
    lower: float | None
    upper: float | None
    rounds: int
    needs_rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One budget and what became of it.

    `metric` is the budget's metric (`p95`, `cpu_mean`, `peak`, ...), `unit` the base unit of all
    numbers, `source` where the limit was written, `keyword` how (`p95_ms`).
    """

    metric: str
    keyword: str
    unit: str
    limit: float
    source: str
    verdict: Verdict
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
    def from_dict(cls, data: Mapping[str, Any]) -> Judgement:
        """Rebuild what `to_dict` gave."""
        return cls(**{**data, "verdict": Verdict(data["verdict"])})


@dataclass(frozen=True, slots=True)
class Measurement:
    """One timed thing of one test, judged.

    `kind` says how the rounds came about: `body`, `call`, `timer`, `ratio` or `benchmark`.
    `statistics` maps metric names to base units, `iterations` is the number of calls that one
    round averages, `overhead_ns` what a round costs beyond the call, `warnings` what a reader
    should know before trusting the numbers, `profile` where the time of one call went if a
    budget was exceeded: function, calls, share of the time.
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
    judgements: Sequence[Judgement]
    warnings: Sequence[str] = ()
    profile: Sequence[tuple[str, int, float]] = ()

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
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Rebuild what `to_dict` gave."""
        judgements = [Judgement.from_dict(entry) for entry in data["judgements"]]
        profile = [(function, calls, share) for function, calls, share in data["profile"]]
        return cls(**{**data, "judgements": judgements, "profile": profile})
