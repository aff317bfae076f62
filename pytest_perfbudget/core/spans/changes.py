"""Changes of components: how much the self time of each name of span differs between two sides.

The self times of all names and the time without any span add up to the time of an execution, so their differences add
up to the difference of the times. A batch of each side, measured next to each other, makes a match; the interval of a
difference is Student's t interval over matches. It also has room for the difference between processes of the same code,
which matches of one pair of processes do not show. The intervals of a comparison hold together (Bonferroni): in 95 % of
comparisons each of them contains the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist, fmean, median
from typing import Any, Final, NamedTuple

from pytest_perfbudget.core.distributions import t_quantile
from pytest_perfbudget.core.spans.batches import NO_PART, SpanBatch, SpanPart, ThreadUse
from pytest_perfbudget.core.spans.causes import Causes
from pytest_perfbudget.core.spans.shares import UNATTRIBUTED

CONFIDENCE: Final = 0.95
"""The probability that all intervals of a comparison contain their differences."""

FEWEST_MATCHES: Final = 4
"""The fewest matches that show how far they differ; of fewer, differences have no interval."""

_OUTLIER: Final = 6.0
"""The distance from the median, in standard deviations by the median absolute deviation, from which a match is left out
as a whole: another program had the machine. Leaving out whole matches keeps the sums."""

REMOTE_SPREAD: Final = 0.04
"""The standard deviation of the log of a component's time between two sides of the same code if servers take part:
each side has several processes, which run beside each other. Eight pairs of identical code with an HTTP server had 2 %
for a component of the server, and 5 % for the request around it with the noise that the turns of a pair show."""

_MAD: Final = 1.4826
_MOST_LEFT_OUT: Final = 0.25


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """The change of the spans of one name, in the mean of an execution.

    Attributes:
        name: the name of the spans; empty for the time without any span.
        before_ns: the self time on the other side.
        after_ns: the self time now.
        lower_ns: the lower bound of the difference; None if there are too few matches for an interval.
        upper_ns: the upper bound of the difference; None as above.
        before: the number of spans on the other side; 0 if it has no such span.
        after: the number of spans now; 0 if there is no such span any more.
        cpu_ns: the change of the CPU time within the self time; None if it is not known.
        causes: the change of each cause; None if a side does not know them.
    """

    name: str
    before_ns: float
    after_ns: float
    lower_ns: float | None
    upper_ns: float | None
    before: float = 1.0
    after: float = 1.0
    cpu_ns: float | None = None
    causes: Causes | None = None

    @property
    def difference_ns(self) -> float:
        """The change of the self time."""
        return self.after_ns - self.before_ns

    @property
    def has_moved(self) -> bool:
        """Whether the difference is more than chance."""
        if self.lower_ns is None or self.upper_ns is None:
            return False
        return self.lower_ns > 0 or self.upper_ns < 0

    def to_dict(self) -> dict[str, Any]:
        """Return the change as builtins; `from_dict` ignores `difference_ns`, which is for readers."""
        causes = self.causes and self.causes.to_dict()
        return {**asdict(self), "causes": causes, "difference_ns": self.difference_ns}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ComponentChange:
        """Rebuild a change from the result of `to_dict`."""
        causes = None if data.get("causes") is None else Causes.from_dict(data["causes"])
        return cls(**{**{key: value for key, value in data.items() if key != "difference_ns"}, "causes": causes})


@dataclass(frozen=True, slots=True)
class SpanComparison:
    """The components of an execution on two sides.

    Attributes:
        total: the change of the whole execution, without a name of its own.
        components: the change of each component, also of the time without any span, in the order of `by_weight`.
        matches: the number of matches.
        is_typical: whether the times are those of typical executions; else those of the mean over all executions.
        thread: the change of each part of the measuring thread's time, in the mean of all executions; see `ThreadUse`.
            The names are `cpu`, `queue`, `others` and `rest`.
    """

    total: ComponentChange
    components: Sequence[ComponentChange]
    matches: int
    is_typical: bool = False
    thread: Sequence[ComponentChange] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as builtins."""
        components = [one.to_dict() for one in self.components]
        return {
            "total": self.total.to_dict(),
            "components": components,
            "matches": self.matches,
            "is_typical": self.is_typical,
            "thread": [one.to_dict() for one in self.thread],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SpanComparison:
        """Rebuild a comparison from the result of `to_dict`."""
        components = [ComponentChange.from_dict(entry) for entry in data["components"]]
        thread = [ComponentChange.from_dict(entry) for entry in data["thread"]]
        total = ComponentChange.from_dict(data["total"])
        return cls(**{**data, "total": total, "components": components, "thread": thread})


def by_weight(one: ComponentChange) -> tuple[bool, float, str]:
    """Return the key by which components are sorted: those that moved first, and the largest difference first."""
    return not one.has_moved, -abs(one.difference_ns), one.name


class Match(NamedTuple):
    """Batches of both sides that were measured next to each other."""

    base: SpanBatch
    head: SpanBatch


def compare_pair(
    base: Sequence[SpanBatch], head: Sequence[SpanBatch], spread: float, *, is_load: bool = False
) -> SpanComparison | None:
    """Return the change of each component between the processes of a pair, which measured in turns.

    The typical executions of each turn have the least noise. If only the mean over all executions has changed, rare
    executions have, and the mean counts. Of a load the mean comes first, because the slow requests of a load are no
    accidents: they waited behind others. Requests that follow each other depend on each other. So the mean of a turn,
    a window of the load with an empty queue at its start, counts as a single value (batch means).

    Args:
        base: the batches of the base.
        head: the batches of the head.
        spread: see `compare_spans`; at least `REMOTE_SPREAD` if other processes have sent spans.
        is_load: whether the executions are requests of a load.
    """
    if any(one.has_remote for one in (*base, *head)):
        spread = max(spread, REMOTE_SPREAD)
    typical = compare_spans(_matches(map(_typical, base), map(_typical, head)), spread, keeps_all=is_load)
    over_all = compare_spans(_matches(base, head), spread, keeps_all=is_load)
    if typical is None or over_all is None:
        return None
    typical = replace(typical, is_typical=True)
    first, second = (over_all, typical) if is_load else (typical, over_all)
    return second if second.total.has_moved and not first.total.has_moved else first


def _typical(batch: SpanBatch) -> SpanBatch:
    return batch if batch.typical is None else replace(batch.typical, turn=batch.turn, thread=batch.thread)


def _matches(base: Iterable[SpanBatch], head: Iterable[SpanBatch]) -> list[Match]:
    """Return the matches of a pair of processes: an even turn and the next turn, in which a drift cancels out.

    Slow code has so few turns that each of them is a match.
    """
    one, other = ({batch.turn: batch for batch in side if batch.executions} for side in (base, head))
    turns = one.keys() & other.keys()
    quads = sorted(turn for turn in turns if turn % 2 == 0 and turn + 1 in turns)
    if len(quads) < FEWEST_MATCHES:
        return [Match(one[turn], other[turn]) for turn in sorted(turns)]
    return [Match(_joined(one[turn], one[turn + 1]), _joined(other[turn], other[turn + 1])) for turn in quads]


def compare_spans(
    matches: Sequence[Match], spread: float, processes: int = 1, *, keeps_all: bool = False
) -> SpanComparison | None:
    """Return the change of each component; None if there are no matches, or no spans at all.

    Args:
        matches: the matches.
        spread: the standard deviation of the logarithm of a time between two processes of the same code.
        processes: the number of pairs of processes that the matches come from.
        keeps_all: whether no match is left out. The waiting in a queue is skewed, so without the windows that had the
            longest queues the mean of a load would be too small.
    """
    kept = list(matches) if keeps_all else _without_outliers(matches)
    names = dict.fromkeys(name for match in matches for batch in match for name in batch.parts)
    if not kept or not names:
        return None
    bounds = _Bounds(len(kept), (1 - CONFIDENCE) / (len(names) + 2), spread / math.sqrt(processes))
    found = [_change(name, kept, bounds) for name in (*names, UNATTRIBUTED)]
    found.sort(key=by_weight)
    total = bounds.change("", [(match.base.total_ns, match.head.total_ns) for match in kept])
    return SpanComparison(total, found, len(kept), thread=_thread_changes(kept, bounds))


class _Bounds:
    """The bounds of differences over a number of matches, with a probability of error for each."""

    def __init__(self, matches: int, error: float, spread: float) -> None:
        self._has_interval = matches >= FEWEST_MATCHES
        self._quantile = t_quantile(matches - 1, 1 - error / 2) / math.sqrt(matches) if self._has_interval else math.inf
        self._spread = NormalDist().inv_cdf(1 - error / 2) * spread

    def change(
        self,
        name: str,
        times_ns: Sequence[tuple[float, float]],
        before: float = 1.0,
        after: float = 1.0,
        cpu_ns: float | None = None,
    ) -> ComponentChange:
        """Return a change, from the times before and after of each match."""
        before_ns, after_ns = (fmean(one) for one in zip(*times_ns, strict=True))
        if not self._has_interval:
            return ComponentChange(name, before_ns, after_ns, None, None, before, after, cpu_ns)
        differences = [after - before for before, after in times_ns]
        middle = fmean(differences)
        squares = math.fsum((one - middle) ** 2 for one in differences)
        within = self._quantile * math.sqrt(squares / max(len(differences) - 1, 1))
        between = self._spread * max(before_ns, after_ns)
        half = math.hypot(within, between)
        difference = after_ns - before_ns
        return ComponentChange(name, before_ns, after_ns, difference - half, difference + half, before, after, cpu_ns)


def _change(name: str, matches: Sequence[Match], bounds: _Bounds) -> ComponentChange:
    if name == UNATTRIBUTED:
        return bounds.change(name, [(_rest_ns(match.base), _rest_ns(match.head)) for match in matches])
    parts = [(match.base.parts.get(name, NO_PART), match.head.parts.get(name, NO_PART)) for match in matches]
    before, after = (fmean(part.number for part in side) for side in zip(*parts, strict=True))
    cpu = [[part.cpu_ns for part in side if part.cpu_ns is not None] for side in zip(*parts, strict=True)]
    is_known = all(len(side) == len(parts) for side in cpu)
    times_ns = [(one.self_ns, other.self_ns) for one, other in parts]
    change = bounds.change(name, times_ns, before, after, fmean(cpu[1]) - fmean(cpu[0]) if is_known else None)
    return replace(change, causes=_change_of_causes(parts))


def _change_of_causes(parts: Sequence[tuple[SpanPart, SpanPart]]) -> Causes | None:
    known = [(one.causes, other.causes) for one, other in parts if one.causes is not None and other.causes is not None]
    if len(known) < len(parts):
        return None
    before, after = (Causes(*map(fmean, zip(*side, strict=True))) for side in zip(*known, strict=True))
    return Causes(*(late - early for early, late in zip(before, after, strict=True)))


def _thread_changes(matches: Sequence[Match], bounds: _Bounds) -> list[ComponentChange]:
    uses = [(match.base.thread, match.head.thread) for match in matches]
    known = [(base, head) for base, head in uses if base is not None and head is not None]
    if len(known) < len(matches):
        return []
    names = [field.removesuffix("_ns") for field in ThreadUse._fields]
    return [bounds.change(name, [(base[at], head[at]) for base, head in known]) for at, name in enumerate(names)]


def _rest_ns(batch: SpanBatch) -> float:
    return batch.total_ns - math.fsum(part.self_ns for part in batch.parts.values())


def _without_outliers(matches: Sequence[Match]) -> list[Match]:
    """Return the matches without those in which another program had the machine; see `_OUTLIER`."""
    differences = [match.head.total_ns - match.base.total_ns for match in matches]
    if len(differences) < 2 * FEWEST_MATCHES:
        return list(matches)
    middle = median(differences)
    distances = [abs(one - middle) for one in differences]
    limit = max(_OUTLIER * _MAD * median(distances), sorted(distances)[int((1 - _MOST_LEFT_OUT) * len(distances))])
    return [match for match, distance in zip(matches, distances, strict=True) if distance <= limit]


def _joined(one: SpanBatch, other: SpanBatch) -> SpanBatch:
    """Return two batches as one, in which both count the same."""
    names = dict.fromkeys((*one.parts, *other.parts))
    parts = {name: _mean_part(one.parts.get(name, NO_PART), other.parts.get(name, NO_PART)) for name in names}
    thread = None
    if one.thread is not None and other.thread is not None:
        thread = ThreadUse(*map(fmean, zip(one.thread, other.thread, strict=True)))
    return SpanBatch(one.executions + other.executions, (one.total_ns + other.total_ns) / 2, parts, one.turn, thread)


def _mean_part(one: SpanPart, other: SpanPart) -> SpanPart:
    cpu = None if one.cpu_ns is None or other.cpu_ns is None else (one.cpu_ns + other.cpu_ns) / 2
    causes = None
    if one.causes is not None and other.causes is not None:
        causes = Causes(*map(fmean, zip(one.causes, other.causes, strict=True)))
    return SpanPart((one.self_ns + other.self_ns) / 2, (one.number + other.number) / 2, cpu, causes)
