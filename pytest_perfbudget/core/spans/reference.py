"""The spans of a baseline: the mean self time, number and CPU time of each name, over runs of one process each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Final

from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.spans import OTHERS
from pytest_perfbudget.core.spans.batches import NO_PART, SpanBatch, SpanPart
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.changes import CONFIDENCE, ComponentChange, SpanComparison, by_weight
from pytest_perfbudget.core.spans.shares import UNATTRIBUTED

MOST_STORED: Final = 12
"""The most names that a baseline keeps; the smaller ones are kept together."""

LITTLE_WAITING: Final = 0.1
"""The share of the self time up to which waiting needs no cause: it changes no word about a difference."""

_FEWEST: Final = 2


@dataclass(frozen=True, slots=True)
class SpanMean:
    """The spans of one name in an execution, in the mean over runs.

    Attributes:
        self_ns: the self time.
        spread_ns: the standard deviation of the self time of a run.
        count: the number of spans.
        cpu_ns: the CPU time in the self time; None if it is not known.
        causes: the causes of the self time; None if they are not known.
    """

    self_ns: float
    spread_ns: float
    count: float = 1.0
    cpu_ns: float | None = None
    causes: Causes | None = None

    @property
    def known_causes(self) -> Causes | None:
        """The causes of the self time, also of a part that hardly waits; None if a cause of waiting is not known."""
        if self.causes is not None or self.cpu_ns is None:
            return self.causes
        waiting_ns = max(self.self_ns - self.cpu_ns, 0.0)
        return Causes(self.cpu_ns, unknown_ns=waiting_ns) if waiting_ns <= LITTLE_WAITING * self.self_ns else None


@dataclass(frozen=True, slots=True)
class SpanReference:
    """The spans of one measurement.

    Attributes:
        runs: the number of runs.
        total: the time of an execution.
        parts: the parts by name, with that of the time without any span.
    """

    runs: int
    total: SpanMean
    parts: Mapping[str, SpanMean]


def reference_of(runs: Sequence[SpanBatch]) -> SpanReference | None:
    """Return the reference from a batch of each run; None if there are too few runs, or no spans."""
    sizes: dict[str, float] = {}
    for run in runs:
        for name, part in run.parts.items():
            sizes[name] = sizes.get(name, 0.0) + part.self_ns
    if len(runs) < _FEWEST or not sizes:
        return None
    kept = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_STORED]
    parts = {name: _mean(found) for name, found in _sorted_parts(runs, kept).items()}
    return SpanReference(len(runs), _mean([_whole(run) for run in runs]), parts)


def compare_with(reference: SpanReference, runs: Sequence[SpanBatch], std_error: float) -> SpanComparison | None:
    """Return the change of each component since a baseline; None if there are no runs.

    The interval of a difference is Student's, with the variance of the runs of both sides together. It also has room
    for the error that all components of the runs share. As in `changes`, the intervals hold together.

    Args:
        reference: the baseline's spans.
        runs: a batch of each run, in the weather of the baseline.
        std_error: the standard error of the logarithm of the ratio of both sides' times.
    """
    if not runs:
        return None
    kept = [name for name in reference.parts if name != UNATTRIBUTED]
    if OTHERS not in kept:
        kept += [name for run in runs for name in run.parts if name not in kept]
    found = _sorted_parts(runs, list(dict.fromkeys(kept)))
    error = (1 - CONFIDENCE) / (len(found) + 1)

    def change(name: str, before: SpanMean, parts: Sequence[SpanPart]) -> ComponentChange:
        after = _mean(parts)
        dof = reference.runs - 1 + len(parts) - 1
        squares = (reference.runs - 1) * before.spread_ns**2 + (len(parts) - 1) * after.spread_ns**2
        within = math.sqrt(squares / dof * (1 / reference.runs + 1 / len(parts))) * t_quantile(dof, 1 - error / 2)
        shared = NormalDist().inv_cdf(1 - error / 2) * std_error * max(before.self_ns, after.self_ns)
        half, middle = math.hypot(within, shared), after.self_ns - before.self_ns
        cpu = None if before.cpu_ns is None or after.cpu_ns is None else after.cpu_ns - before.cpu_ns
        ends = (middle - half, middle + half)
        causes = _difference(before.known_causes, after.known_causes)
        return ComponentChange(name, before.self_ns, after.self_ns, *ends, before.count, after.count, cpu, causes)

    changes = [change(name, reference.parts.get(name, _NOTHING), parts) for name, parts in found.items()]
    changes.sort(key=by_weight)
    total = change("", reference.total, [_whole(run) for run in runs])
    return SpanComparison(total, changes, len(runs), is_typical=True)


_NOTHING: Final = SpanMean(0.0, 0.0, 0.0, 0.0, Causes())


def _sorted_parts(runs: Sequence[SpanBatch], kept: Sequence[str]) -> dict[str, list[SpanPart]]:
    """Return the parts of each kept name, of all other names together, and of the time without any span, by run."""
    found: dict[str, list[SpanPart]] = {}
    has_others = OTHERS in kept or any(name not in kept for run in runs for name in run.parts)
    for run in runs:
        others = [part for name, part in run.parts.items() if name not in kept or name == OTHERS]
        for name in kept:
            if name != OTHERS:
                found.setdefault(name, []).append(run.parts.get(name, NO_PART))
        if has_others:
            found.setdefault(OTHERS, []).append(_sum(others))
        rest_ns = run.total_ns - math.fsum(part.self_ns for part in run.parts.values())
        found.setdefault(UNATTRIBUTED, []).append(SpanPart(rest_ns, 1.0, None))
    return found


def _difference(before: Causes | None, after: Causes | None) -> Causes | None:
    if before is None or after is None:
        return None
    return Causes(*(late - early for early, late in zip(before, after, strict=True)))


def _added(parts: Sequence[SpanPart]) -> Causes | None:
    """Return the causes of several parts together; None if those of a part are not known."""
    known = [part.causes for part in parts if part.causes is not None]
    return Causes(*map(math.fsum, zip(*known, strict=True))) if known and len(known) == len(parts) else None


def _sum(parts: Sequence[SpanPart]) -> SpanPart:
    cpu = [part.cpu_ns for part in parts if part.cpu_ns is not None]
    self_ns, number = (math.fsum(one) for one in ([part.self_ns for part in parts], [part.number for part in parts]))
    return SpanPart(self_ns, number, math.fsum(cpu) if len(cpu) == len(parts) else None, _added(parts))


def _whole(run: SpanBatch) -> SpanPart:
    return SpanPart(run.total_ns, 1.0, None)


def _mean(parts: Sequence[SpanPart]) -> SpanMean:
    times_ns = [part.self_ns for part in parts]
    cpu = [part.cpu_ns for part in parts if part.cpu_ns is not None]
    return SpanMean(
        fmean(times_ns),
        stdev(times_ns) if len(times_ns) > 1 else 0.0,
        fmean(part.number for part in parts),
        fmean(cpu) if len(cpu) == len(parts) else None,
        None if (whole := _added(parts)) is None else Causes(*(cause / len(parts) for cause in whole)),
    )
