"""The lateness of a generator: whether the generator and not the server determined a number of a load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.budgets import Budget
from pytest_perfbudget.core.criteria.late import lateness_of
from pytest_perfbudget.core.load.outcomes import excused
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.metrics import METRICS, RPS, WALL, Metric
from pytest_perfbudget.core.units import NS_PER, time_text

MOST_LATENESS: Final = 0.1
"""The share of the tightest limit by which 1 % of the requests may start late."""

_SHORTEST_WAIT_NS: Final = 3 * NS_PER["s"] // 2
"""The time for which an answer is awaited after the end of a load: a limit on every latency."""

_OF_TIMER_NS: Final = NS_PER["ms"]
"""The lateness of the timer alone, by which no answer is noticed late."""

_LONG_NS: Final = NS_PER["ms"]
"""The CPU time of a request above which the request itself is the likely reason: the generator needs 2 us."""

_MOST_UNSENT: Final = 0.01
_TYPICAL: Final = METRICS["p99"]
_BUSY: Final = 0.7
"""The share of a CPU above which the generator's own work is the likely reason for its lateness."""


def why_late(budgets: Sequence[Budget], record: LoadRecord) -> str:
    """Return the reason why the generator and not the server determined the numbers; empty if it did not.

    Without a limit on a time, the requests must not be so late that they are given up for that.
    """
    limits = [one.limit for one in budgets if one.metric.series == WALL]
    allowed_ns = MOST_LATENESS * min(limits or [min(record.plan.timeout_ns, _SHORTEST_WAIT_NS)])
    generator = record.generator
    if generator.overloaded:
        return f"the generator could not keep the load: {generator.overloaded}"
    if generator.lateness_p99_ns <= allowed_ns:
        return ""
    of_what = "of the time that an answer is awaited"
    if limits:
        of_what = "of the limit" if len(limits) == 1 else "of the tightest limit"
    return (
        f"the generator could not keep the load: {lateness_text(_TYPICAL, record)} "
        f"({time_text(allowed_ns)} are allowed, a tenth {of_what}); {_cause(record)}"
    )


def late_for(budget: Budget, record: LoadRecord, late: str) -> str:
    """Return the reason why the generator may have caused that a certain limit is exceeded; empty if it has not.

    Args:
        budget: the limit, which is exceeded.
        record: the load.
        late: the reason that holds for all numbers; empty if there is none.
    """
    metric, generator = budget.metric, record.generator
    if metric is RPS:
        if not late:
            return _why_slow(budget.limit, record)
        return "" if highest_rps(record) < budget.limit else late
    if metric.series != WALL or late:
        return ""
    late_ns, _ = lateness_of(metric, generator)
    allowed_ns = MOST_LATENESS * budget.limit
    if late_ns <= allowed_ns:
        return ""
    return (
        f"the generator paused: {lateness_text(metric, record)} ({time_text(allowed_ns)} are allowed, a tenth of the "
        f"limit); {_cause(record)}"
    )


def highest_rps(record: LoadRecord) -> float:
    """Return the highest rate that the server may have had with a generator that is never late; infinite if unknown.

    In an open load, the last answer would have come earlier by the longest lateness at most, and requests that were
    given up might have been answered. In a closed load, each request of a user is shorter by the mean lateness, whose
    highest value follows from the quantiles of the lateness.
    """
    generator, elapsed_ns, unanswered = record.generator, record.elapsed_ns, record.given_up
    answered = record.requests - record.failures + unanswered
    middle_ns, late_ns = generator.lateness_p50_ns, generator.lateness_p99_ns
    later_ns = max(generator.lateness_p999_ns, late_ns)
    most_ns = max(generator.lateness_max_ns, later_ns)
    if generator.overloaded or not elapsed_ns or (record.plan.is_open and not _is_sent(record)):
        return math.inf
    if record.plan.is_open:
        left_ns, planned_ns = elapsed_ns - most_ns, record.plan.duration_ns
        in_time = (record.in_time + unanswered) * (1 + most_ns / planned_ns) * NS_PER["s"] / planned_ns
        if record.keeps_up(most_ns):
            in_time = max(in_time, answered * NS_PER["s"] / planned_ns)
        return max(answered * NS_PER["s"] / left_ns, in_time) if left_ns > 0 else math.inf
    mean_ns = 0.5 * middle_ns + 0.49 * late_ns + 0.009 * later_ns + 0.001 * most_ns
    left_ns = elapsed_ns - mean_ns * record.requests / record.plan.users
    if left_ns <= 0:
        return math.inf
    return max(answered * NS_PER["s"] / left_ns, record.rps * elapsed_ns / left_ns)


def _is_sent(record: LoadRecord) -> bool:
    """Return whether the generator has sent the requests of an open load, as far as the load was to go."""
    return bool(record.ended_early) or record.requests >= (1 - _MOST_UNSENT) * record.plan.planned_requests - 1


def without_unanswered(record: LoadRecord) -> LoadRecord:
    """Return a load as if the requests that were given up had succeeded, as they might with another generator.

    A request that raised a timeout of its own has ended by itself, so it stays an error.
    """
    return replace(record, outcomes=excused(record.outcomes))


def lateness_text(metric: Metric, record: LoadRecord) -> str:
    """Return the lateness by which a statistic is judged, in words."""
    late_ns, beyond = lateness_of(metric, record.generator)
    is_open, late = record.plan.is_open, time_text(late_ns)
    if not beyond:
        return f"a request started {late} late" if is_open else f"an answer was noticed {late} late"
    whose = "requests started" if is_open else "answers were noticed"
    return f"{100 * beyond:g} % of the {whose} more than {late} late"


def _cause(record: LoadRecord) -> str:
    share = record.generator.cpu_share
    if share >= _BUSY:
        each_ns = share * record.elapsed_ns / max(record.requests, 1)
        if each_ns < _LONG_NS:
            return f"it used {share:.0%} of a CPU"
        return (
            f"it used {share:.0%} of a CPU, {time_text(each_ns)} for each request: the request computes that long "
            "itself, or a server in the same process does"
        )
    holder = "code that lets no other thread run" if record.generator.in_threads else "code that blocks the event loop"
    return f"it used {share:.0%} of a CPU, so it waited: for a request or a user= with {holder}, or for a busy machine"


def _why_slow(limit: float, record: LoadRecord) -> str:
    """Return the reason why a rate may be too low because of the generator; empty if it is not."""
    if record.plan.is_open and not _is_sent(record):
        planned = record.plan.planned_requests
        return f"the generator sent {record.requests:,} of {planned:,} requests; {_cause(record)}"
    if not len(record.latencies) or not record.elapsed_ns:
        return ""
    late_ns, text = record.generator.lateness_p99_ns, lateness_text(_TYPICAL, record)
    part = late_ns / record.elapsed_ns
    if not record.plan.is_open:  # a user loses half of these times with a typical request
        late_ns, (typical_ns,) = record.generator.lateness_p50_ns, record.latencies.quantiles([0.5])
        part = max(late_ns - _OF_TIMER_NS, 0.0) / max(typical_ns, 1.0)
        text = f"half of the answers were noticed more than {time_text(late_ns)} late"
    if record.rps < limit * (1 - part):
        return ""
    return f"without the lateness of the generator the rate may reach the limit: {text}; {_cause(record)}"
