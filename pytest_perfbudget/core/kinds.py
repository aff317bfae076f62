"""The table of measurement kinds: the ways in which the numbers of a measurement come about, and their consequences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfbudget.core import metrics
from pytest_perfbudget.core.metrics import CPU, WALL, Metric


@dataclass(frozen=True, slots=True)
class MeasurementKind:
    """A way to measure.

    Attributes:
        name: the name of the kind in results and reports.
        series: the clocks that time the rounds.
        is_counted: whether the code can be run again, untimed, to count calls and bytes.
        why_not: the reason why the other metrics cannot be measured, with an alternative if there is one.
        sample: the name of the unit that results rest on: a round or a quad.
        more_samples: the way in which a user gets more samples.
        why_no_spans: the reason why a measurement of this kind that has no spans has none; empty if there is none.
        shares_turns: whether all measurements of this kind in a test have their turns in a duet together.
    """

    name: str
    series: frozenset[str] = frozenset({WALL, CPU})
    is_counted: bool = True
    why_not: str = ""
    sample: str = "round"
    more_samples: str = "raise max_time"
    why_no_spans: str = ""
    shares_turns: bool = False

    def can_measure(self, metric: Metric) -> bool:
        """Return whether a measurement of this kind can measure a metric."""
        return self.is_counted if metric.is_counted else metric.series in self.series

    def refusal(self, metric: Metric) -> str:
        """Return the reason why a metric cannot be measured, for a metric that `can_measure` refuses."""
        return self.why_not if metric.series != metrics.LOAD else "only a load has this number: use perf_load(...)"


BODY: Final = MeasurementKind("body")
CALL: Final = MeasurementKind("call")
TIMER: Final = MeasurementKind(
    "timer",
    is_counted=False,
    why_not="a timer's block cannot be run again for it: use perf(...)",
    more_samples="loop the timer",
    shares_turns=True,
)
RATIO: Final = MeasurementKind(
    "ratio",
    frozenset(),
    is_counted=False,
    why_not="perf.ratio holds max_ratio only",
    sample="quad",
    why_no_spans="perf.ratio compares two functions, so there is no whole to divide: use perf(...) for it",
)
BENCHMARK: Final = MeasurementKind(
    "benchmark",
    frozenset({WALL}),
    is_counted=False,
    why_not="pytest-benchmark records wall-clock time only: measure it with perf(...)",
    more_samples="raise pytest-benchmark's min_rounds or max_time",
)
PEDANTIC: Final = replace(
    BENCHMARK,
    name="pedantic",
    more_samples="raise the rounds of benchmark.pedantic()",
    why_no_spans="they need further calls, which pedantic(rounds=1) may not bear: give more rounds",
)
LOAD: Final = MeasurementKind(
    "load",
    frozenset({WALL, metrics.LOAD}),
    is_counted=False,
    why_not="a load counts and limits the requests as a whole: use perf(...) for it",
    sample="request",
    more_samples="make the load longer",
    why_no_spans="a search for the capacity and a load of Locust record none: use perf_load(...) for it",
)
NONE: Final = MeasurementKind("none", frozenset(), is_counted=False)
"""The kind for a budget without a measurement."""


def why_never(kind: MeasurementKind, metric: Metric, *, has_process: bool, is_search: bool = False) -> str:
    """Return the reason why a measurement can never have a number; empty if it can.

    Args:
        kind: the kind of the measurement.
        metric: the number.
        has_process: for a load, whether the process that serves the load is known.
        is_search: for a load, whether it is part of a search for a capacity.
    """
    if not kind.can_measure(metric):
        return kind.refusal(metric)
    if metric is metrics.CAPACITY and not is_search:
        return "it is a limit of perf_load.capacity(...)"
    if metric is metrics.RPS and is_search:
        return "perf_load.capacity(...) chooses the rates: limit the rate that it finds by min_capacity_rps"
    if metric in (metrics.RSS, metrics.CPU_PERCENT) and not has_process:
        return "it needs perf_load(..., pid=) with the process that serves the load"
    return ""


def _table(kinds: Iterable[MeasurementKind]) -> dict[str, MeasurementKind]:
    return {kind.name: kind for kind in kinds}


KINDS: Final = _table((BODY, CALL, TIMER, RATIO, BENCHMARK, PEDANTIC, LOAD, NONE))
"""Every kind by its name."""
