"""The result of a load, as a test sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_perfbudget.core.load.capacity import CapacitySearch, Probe
from pytest_perfbudget.core.load.error_groups import ErrorGroup
from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.metrics import CPU_PERCENT, ERROR_RATE, METRICS, QUANTILES, RPS, RSS, SUCCESS_RATE, WALL
from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER


@dataclass(frozen=True)
class LoadResult:
    """The numbers of a load that has ended; its verdict comes at the end of the test.

    Attributes:
        requests: the number of requests.
        failures: the number of requests that are errors.
        rps: the number of successful requests per second of the planned duration if the service keeps up with an open
            load; else in the time up to the last answer, or within the planned duration if that is more.
        latency_ms: the statistics of the latencies in ms, by name: `median`, `p95`, `max`, ...; empty if no request was
            answered. A request without an answer has the time that was waited; other failed requests are left out.
        errors: the errors in groups of the same type and message, the largest group first.
        steps: by name of a step, the statistics of the step's time in ms.
        rss_mb: the most memory of the process of `pid=`, in 1,000,000 bytes; None without `pid=`.
        cpu_percent: the CPU time of that process, in per cent of one CPU.
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
    """

    requests: int
    failures: int
    rps: float
    latency_ms: Mapping[str, float]
    errors: Sequence[ErrorGroup] = ()
    steps: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rss_mb: float | None = None
    cpu_percent: float | None = None
    ended_early: str = ""

    @property
    def error_rate(self) -> float:
        """The share of requests that are errors, from 0 to 1."""
        return self.failures / self.requests if self.requests else 0.0

    @property
    def success_rate(self) -> float:
        """The share of requests that are no errors, from 0 to 1."""
        return 1 - self.error_rate

    @classmethod
    def of(cls, record: LoadRecord) -> LoadResult:
        """Return the result of a load."""
        return cls(
            record.requests,
            record.failures,
            record.rps,
            _in_ms(record.latencies),
            record.errors,
            {name: _in_ms(one) for name, one in record.steps.items()},
            None if record.process is None else record.process.peak_bytes / BYTES_PER_MB,
            None if record.process is None else record.process.cpu_percent,
            record.ended_early,
        )


@dataclass(frozen=True)
class CapacityResult:
    """The capacity of a service, in requests per second.

    Attributes:
        rps: the estimate: the geometric mean of the ends of the interval.
        lower: the highest rate that kept all limits; 0 if none did.
        upper: the lowest rate that broke a limit; None if none did.
        probes: the loads of the search.
    """

    rps: float
    lower: float
    upper: float | None
    probes: Sequence[Probe] = ()

    @classmethod
    def of(cls, search: CapacitySearch) -> CapacityResult:
        """Return the result of a search."""
        return cls(search.estimate, search.lower, search.upper, search.probes)


def describe_load(record: LoadRecord) -> dict[str, float]:
    """Return the statistics of a load in base units, by metric name."""
    process = record.process
    served = {} if process is None else {RSS.name: process.peak_bytes, CPU_PERCENT.name: process.cpu_percent}
    return {
        **describe_latencies(record.latencies),
        **served,
        RPS.name: record.rps,
        SUCCESS_RATE.name: 100 * (1 - record.error_rate),
        ERROR_RATE.name: 100 * record.error_rate,
    }


def describe_latencies(latencies: Latencies) -> dict[str, float]:
    """Return the statistics of latencies in ns, by metric name; empty if there are none."""
    if not len(latencies):
        return {}
    least, *quantiles, most = latencies.quantiles([0.0, *QUANTILES.values(), 1.0])
    named = dict(zip(QUANTILES, quantiles, strict=True))
    found = {"min": least, "mean": latencies.mean_ns, **named, "max": most}
    return {one.name: found[one.statistic] for one in METRICS.values() if one.series == WALL}


def _in_ms(latencies: Latencies) -> dict[str, float]:
    return {name: value / NS_PER["ms"] for name, value in describe_latencies(latencies).items()}
