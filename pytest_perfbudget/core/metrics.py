"""The table of metrics: every number that can be limited or compared, with its unit, direction and words.

A new metric needs one more row (`register`) and, if separate passes count the number, a probe in
`measure.probes.PROBES`. Keywords, budgets, baseline lines and reports follow from the row.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_perfbudget.core.instructions import MOST_COMPARED, MOST_COUNTED
from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER

WALL: Final = "wall"
CPU: Final = "cpu"
LOAD: Final = "load"
"""The series of the numbers of a whole load, such as its rate; the other series have a number for each round."""

SPAN: Final = "span"
"""The series of the numbers of spans in an execution, whose keywords hold for a name of spans; see `span_budgets`."""

QUANTILES: Final = {
    "median": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
}
STATISTICS: Final = ("min", "mean", *QUANTILES, "max")
ALIASES: Final = {"p50": "median"}


class Direction(enum.Enum):
    """The direction in which a metric is better."""

    LOWER = "lower"
    HIGHER = "higher"


class ComparedAs(enum.Enum):
    """The way in which a metric is compared with the baseline or another commit."""

    NOTHING = "not compared"
    TIME = "blocks of rounds, by a statistical test"
    COUNT = "a number of each execution, which has grown if it has in every attempt"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that can be limited or compared.

    Attributes:
        name: the name of the number in reports: `p95`, `cpu_p95`, `peak`.
        unit: the base unit in which the number is computed; empty for a ratio.
        words: the name of the number in a sentence.
        direction: the direction in which the number is better.
        series: for a statistic of rounds, the clock that times the rounds (`WALL`, `CPU`); `LOAD` for a number of a
            whole load; `SPAN` for a number of the spans in an execution; empty for other numbers.
        statistic: for a statistic of rounds, its name in `STATISTICS`; empty for other numbers.
        keywords: the keywords with which users write a limit, each with the number of base units in its unit.
        is_whole: whether a limit has to be a whole number.
        is_exact: whether the number is the same each time, so that users set the limit to this number.
        compared_as: the way in which the number is compared.
        floor: the change for the worse that is always allowed, in base units.
        most: the largest limit that has a meaning, in base units.
        most_compared: the largest count with which a later count is compared.
        may_be_zero: whether zero has a meaning as a limit.
    """

    name: str
    unit: str = ""
    words: str = ""
    direction: Direction = Direction.LOWER
    series: str = ""
    statistic: str = ""
    keywords: Mapping[str, float] = field(default_factory=dict, hash=False, repr=False)
    is_whole: bool = False
    is_exact: bool = False
    compared_as: ComparedAs = ComparedAs.NOTHING
    floor: float = 0.0
    most: float = math.inf
    most_compared: float = math.inf
    may_be_zero: bool = False

    @property
    def is_timed(self) -> bool:
        """Whether the number is a statistic of timed rounds."""
        return self.series in (WALL, CPU)

    @property
    def is_counted(self) -> bool:
        """Whether separate passes count the number."""
        return not self.series

    def is_worse(self, value: float, limit: float) -> bool:
        """Return whether a value is on the wrong side of a limit."""
        return value > limit if self.direction is Direction.LOWER else value < limit

    def better(self, one: float, other: float) -> float:
        """Return the better of two values."""
        return other if self.is_worse(one, other) else one

    def allowed(self, before: float, tolerance: float) -> float:
        """Return the worst value that does not count as worse than `before`.

        Args:
            before: the earlier value, in base units.
            tolerance: the allowed change for the worse, as a share; a change up to the floor is allowed in any case.
        """
        change = max(before * tolerance, self.floor)
        return before + change if self.direction is Direction.LOWER else max(before - change, 0.0)

    def has_improved(self, before: float, after: float, tolerance: float) -> bool:
        """Return whether `after` is better than `before` by more than the tolerance and by more than the floor."""
        if self.direction is Direction.LOWER:
            return after < before / (1 + tolerance) and before - after > self.floor
        return after > before * (1 + tolerance) and after - before > self.floor


METRICS: Final[dict[str, Metric]] = {}
"""All metrics, by name."""

KEYWORDS: Final[dict[str, tuple[Metric, float]]] = {}
"""All budget keywords, each with its metric and the number of base units in the keyword's unit."""


def register(metric: Metric) -> Metric:
    """Add a row to the table and return it.

    Raises:
        ValueError: another metric has the same name or one of the same keywords.
    """
    if METRICS.get(metric.name, metric) != metric:
        message = f"there is a metric {metric.name!r} already"
        raise ValueError(message)
    for keyword, factor in metric.keywords.items():
        if KEYWORDS.get(keyword, (metric, factor)) != (metric, factor):
            message = f"the keyword {keyword!r} limits {KEYWORDS[keyword][0].name!r} already"
            raise ValueError(message)
    METRICS[metric.name] = metric
    KEYWORDS.update({keyword: (metric, factor) for keyword, factor in metric.keywords.items()})
    return metric


def _time(series: str, prefix: str, statistic: str) -> Metric:
    written = [statistic, *(alias for alias, name in ALIASES.items() if name == statistic)]
    keywords = {f"{prefix}{one}_{unit}": float(factor) for one in written for unit, factor in NS_PER.items()}
    name = f"{prefix}{statistic}"
    return Metric(name, "ns", name, series=series, statistic=statistic, keywords=keywords)


for _series, _prefix in ((WALL, ""), (CPU, "cpu_")):
    for _statistic in STATISTICS:
        register(_time(_series, _prefix, _statistic))

TIME: Final = register(Metric("time", "ns", "time", compared_as=ComparedAs.TIME))
"""The time of a call for comparisons: the typical round of a block, without the effect of the machine."""

CALLS: Final = register(
    Metric(
        "calls",
        "calls",
        "function calls",
        keywords={"max_calls": 1.0},
        is_whole=True,
        is_exact=True,
        compared_as=ComparedAs.COUNT,
        floor=10,  # ten calls take less than a microsecond
    )
)
INSTRUCTIONS: Final = register(
    Metric(
        "instructions",
        "instructions",
        "bytecode instructions",
        keywords={"max_instructions": 1.0},
        is_whole=True,
        is_exact=True,
        compared_as=ComparedAs.COUNT,
        floor=50,  # fifty instructions take about a microsecond
        most=MOST_COUNTED,
        most_compared=MOST_COMPARED,
    )
)
PEAK: Final = register(
    Metric(
        "peak",
        "bytes",
        "peak memory",
        keywords={"peak_mb": float(BYTES_PER_MB)},
        compared_as=ComparedAs.COUNT,
        floor=16_384,  # the content of caches varies by about as much
    )
)
RPS: Final = register(Metric("rps", "rps", "requests per second", Direction.HIGHER, LOAD, keywords={"min_rps": 1.0}))
"""The number of successful requests per second of a load."""
SUCCESS_RATE: Final = register(
    Metric("success_rate", "%", "success rate", Direction.HIGHER, LOAD, keywords={"min_success_rate": 100.0}, most=100)
)
ERROR_RATE: Final = register(
    Metric("error_rate", "%", "error rate", series=LOAD, keywords={"max_error_rate": 100.0}, most=100, may_be_zero=True)
)
CAPACITY: Final = register(
    Metric("capacity", "rps", "capacity", Direction.HIGHER, LOAD, keywords={"min_capacity_rps": 1.0})
)
"""The highest arrival rate under which a service keeps its limits."""
RSS: Final = register(Metric("rss", "bytes", "resident memory", series=LOAD, keywords={"rss_mb": float(BYTES_PER_MB)}))
"""The most resident memory of the process that serves a load."""
CPU_PERCENT: Final = register(Metric("cpu_percent", "%", "CPU time", series=LOAD, keywords={"cpu_percent": 1.0}))
SPAN_COUNT: Final = register(Metric("count", "spans", "number of spans", series=SPAN, is_exact=True))
SPAN_SHARE: Final = register(Metric("share", "%", "share of the time", series=SPAN, most=100))
RATIO: Final = register(Metric("ratio", "", "ratio"))
"""The ratio of two times. It has no keyword here, because only `perf.ratio(max_ratio=...)` can limit a ratio."""


def counts() -> Iterator[Metric]:
    """Yield the metrics that are compared as counts."""
    return (metric for metric in METRICS.values() if metric.compared_as is ComparedAs.COUNT)


def is_just_maximum(metric: str, rounds: int, span: str = "") -> bool:
    """Return whether a metric is a percentile that is the slowest round, because there are too few rounds beyond it.

    Args:
        metric: the metric.
        rounds: the number of rounds.
        span: the name of the spans that the metric is of, of which a round may have any number; empty for the rounds.
    """
    known = None if span else METRICS.get(metric)
    share = None if known is None else QUANTILES.get(known.statistic)
    return share is not None and 0 < rounds <= rank_of(rounds, share)


def rank_of(number: int, share: float) -> int:
    """Return the place of a quantile among so many sorted values, counted from 1."""
    return math.ceil(number * share - 1e-9)
