"""Shares: how much of an execution's time, and of its variation, each name of span explains.

The self times of all names and the time without any span add up to the time of an execution. So their means add up to
the mean, and their covariances with the time add up to its variance: cov(x, t) / var(t) is the share of a name with the
self times x in the variance of the times t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.series import SpanStore

UNATTRIBUTED: Final = ""
"""The name of the time without any span."""

_FEWEST: Final = 3
"""The fewest executions whose times vary in a way that can be divided."""


@dataclass(frozen=True, slots=True)
class SpanShare:
    """The part of one name in the executions.

    Attributes:
        name: the name of the spans; empty for the time without any span.
        count: the mean number of spans in an execution.
        mean_ns: the mean self time in an execution.
        of_mean: the share of the mean time of an execution.
        of_variance: the share of the variance; below 0 if the part is smaller in slow executions. None if the time of
            an execution does not vary.
        rank_correlation: Spearman's correlation of the part with the time; None if one of the two does not vary.
        waiting: the share of the spans' time that their threads waited; None if the CPU time is not known.
        causes: the causes of the spans' time, in ns over all executions; None for the time without any span.
    """

    name: str
    count: float
    mean_ns: float
    of_mean: float
    of_variance: float | None = None
    rank_correlation: float | None = None
    waiting: float | None = None
    causes: Causes | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the share as builtins."""
        return {**asdict(self), "causes": self.causes and self.causes.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpanShare:
        """Rebuild a share from the result of `to_dict`."""
        causes = data.get("causes")
        return cls(**{**data, "causes": None if causes is None else Causes.from_dict(causes)})


def shares_of(store: SpanStore) -> list[SpanShare]:
    """Return the share of each name, the largest first, and the share of the time without any span last."""
    executions = store.executions
    if not executions:
        return []
    totals = store.totals_ns
    rest = list(totals)
    found = []
    for name in store.names:
        series = store.series(name)
        if series is None:
            continue
        rest = [left - own for left, own in zip(rest, series.self_ns, strict=True)]
        time, waiting = series.time, None
        if time.cpu_ns is not None and time.total_ns:
            waiting = min(max(1 - time.cpu_ns / time.total_ns, 0.0), 1.0)
        share = _share(name, sum(series.counts) / executions, series.self_ns, totals)
        found.append(replace(share, waiting=waiting, causes=time.causes))
    found.sort(key=lambda one: (-one.mean_ns, one.name))
    return [*found, _share(UNATTRIBUTED, 1.0, rest, totals)]


def _share(name: str, count: float, parts: Sequence[float], totals: Sequence[float]) -> SpanShare:
    mean, whole = math.fsum(parts) / len(parts), math.fsum(totals) / len(totals)
    of_variance = correlation = None
    if len(parts) >= _FEWEST:
        variance = math.fsum((total - whole) ** 2 for total in totals)
        if variance > (1e-9 * whole) ** 2 * len(totals):
            pairs = zip(parts, totals, strict=True)
            of_variance = math.fsum((part - mean) * (total - whole) for part, total in pairs) / variance
        correlation = spearman(parts, totals)
    return SpanShare(name, count, mean, mean / whole if whole else 0.0, of_variance, correlation)


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, with mean ranks for ties; None if all values of one side are the same."""
    one, other = _ranks(first), _ranks(second)
    mean = (len(one) + 1) / 2
    spread = math.fsum((rank - mean) ** 2 for rank in one) * math.fsum((rank - mean) ** 2 for rank in other)
    if not spread:
        return None
    both = math.fsum((left - mean) * (right - mean) for left, right in zip(one, other, strict=True))
    return max(-1.0, min(both / math.sqrt(spread), 1.0))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    place = 0
    while place < len(order):
        after = place
        while after < len(order) and values[order[after]] == values[order[place]]:
            after += 1
        for tied in order[place:after]:
            ranks[tied] = (place + 1 + after) / 2
        place = after
    return ranks
