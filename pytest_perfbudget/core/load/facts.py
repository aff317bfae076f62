"""The facts about a load for reports: its parameters, its numbers, and the distribution of its latencies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from math import log2
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.load.latencies import Latencies
from pytest_perfbudget.core.load.over_time import TimeWindow
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import describe_latencies

_TICKS: Final = 5
"""The number of reported quantiles in each half of the distance to 1, as in files of HdrHistogram."""


class QuantileRow(NamedTuple):
    """A quantile.

    Attributes:
        share: the share of the latencies.
        value_ns: the largest of these latencies, in ns.
        up_to: the number of latencies up to that value.
    """

    share: float
    value_ns: float
    up_to: int


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """The facts about a load.

    Attributes:
        parameters: the load that was asked for, in words.
        users: the number of users; 0 in the open model.
        requests: the number of requests.
        failures: the number of requests that are errors.
        rps: the number of successful requests per second.
        elapsed_ns: the length of the load.
        mean_ns: the mean latency; 0 if no request was answered.
        deviation_ns: the standard deviation of the latencies.
        quantiles: of the latencies, denser towards the largest.
        steps: by name of a step of the requests, the statistics of the step's time in ns.
        lateness_p99_ns: the time by which the generator was late for 1 % of the requests.
        generator_cpu: the share of a CPU that the generator used.
        ended_early: the reason why the load was ended before its time; empty if the load came to its end.
        over_time: the requests in each of at most 60 windows, in their order; empty if their times are not known.
    """

    parameters: str
    users: int = 0
    requests: int = 0
    failures: int = 0
    rps: float = 0.0
    elapsed_ns: int = 0
    mean_ns: float = 0.0
    deviation_ns: float = 0.0
    quantiles: Sequence[QuantileRow] = ()
    steps: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lateness_p99_ns: float = 0.0
    generator_cpu: float = 0.0
    ended_early: str = ""
    over_time: Sequence[TimeWindow] = ()

    @classmethod
    def of(cls, record: LoadRecord) -> LoadFacts:
        """Return the facts about a load that has ended."""
        rows, mean_ns, deviation_ns = _distribution(record.latencies)
        return cls(
            record.plan.text,
            record.plan.users,
            record.requests,
            record.failures,
            record.rps,
            record.elapsed_ns,
            mean_ns,
            deviation_ns,
            rows,
            {name: describe_latencies(one) for name, one in record.steps.items()},
            record.generator.lateness_p99_ns,
            record.generator.cpu_share,
            record.ended_early,
            tuple(record.over_time),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as builtins."""
        return {
            **asdict(self),
            "quantiles": [list(row) for row in self.quantiles],
            "over_time": [one.to_dict() for one in self.over_time],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LoadFacts:
        """Rebuild facts from the result of `to_dict`."""
        rebuilt = {
            "quantiles": [QuantileRow(*row) for row in data["quantiles"]],
            "over_time": tuple(TimeWindow.from_dict(one) for one in data.get("over_time", ())),
        }
        return cls(**{**data, **rebuilt})


def _distribution(latencies: Latencies) -> tuple[list[QuantileRow], float, float]:
    """Return the quantiles, the mean and the standard deviation of latencies."""
    buckets = latencies.ascending()
    if not buckets:
        return [], 0.0, 0.0
    counts = list(accumulate(count for _, count in buckets))
    total = counts[-1]
    mean = latencies.mean_ns
    deviation = latencies.deviation_ns
    rows: list[QuantileRow] = []
    share = 0.0
    while True:
        # The first bucket up to which that share of the latencies lies.
        at = min(bisect_right(counts, max(share * total, 1) - 1e-9), len(counts) - 1)
        rows.append(QuantileRow(share, buckets[at][0], counts[at]))
        if counts[at] == total:
            break
        halvings = int(log2(1 / (1 - share))) + 1
        share += 1 / (_TICKS * 2**halvings)
    return [*rows, QuantileRow(1.0, buckets[-1][0], total)], mean, deviation
