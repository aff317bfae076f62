"""The blocks of a load for a comparison: windows of the load, each with the typical latency of its requests.

In a duet, head and base generate a window in turns, with the same intended starts, and the windows are short loads of
their own. Elsewhere, the windows are parts of one load.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.load.disturbances import Disturbances
from pytest_perfbudget.core.load.latencies import NEVER_ANSWERED_NS, Latencies
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.units import NS_PER, time_text
from pytest_perfbudget.core.weather import BlockTime, Canaries

WINDOWS: Final = 20
"""The number of windows in a load, of each side if there are two."""

_SHORTEST_NS: Final = NS_PER["s"] // 10
_FEWEST: Final = 5
"""The number of requests in a window of a load that has so many."""

MOST_LATENESS: Final = 0.3
"""The share of the typical latency by which half of the requests may start late without a note. Both sides are late by
the same time, which hides a part of a slowdown."""


def window_of(plan: LoadPlan, elapsed_ns: int, number: int) -> LoadPlan:
    """Return the load of one window in a duet.

    Args:
        plan: the whole load, which has a steady rate or users.
        elapsed_ns: the time that the whole load took, if the number of requests ends the load.
        number: the number of the turn. Both turns of a quad have the same Poisson arrivals: a side whose turn follows
            its own turn finds its server warm, and how much this saves depends on the first arrivals.
    """
    length_ns = max((plan.duration_ns or elapsed_ns) // WINDOWS, _SHORTEST_NS)
    if not plan.is_open:
        if plan.requests and elapsed_ns <= length_ns:
            return replace(plan, warm_up_ns=0)  # so short a load is a window as a whole
        return replace(plan, requests=0, duration_ns=length_ns, warm_up_ns=0)
    (stage,) = plan.stages
    length_ns = max(length_ns, round(_FEWEST * NS_PER["s"] / stage.before))
    stage = replace(stage, duration_ns=length_ns)
    return replace(plan, stages=(stage,), duration_ns=length_ns, warm_up_ns=0, seed=number // 2)


def block_of(latencies: Sequence[int], before: Canaries = (), after: Canaries = ()) -> BlockTime:
    """Return the block of a window with at least one latency: the median, because a tail is mostly a queue's.

    Args:
        latencies: of the window; a request without an answer is slower than any other.
        before: the canaries before.
        after: the canaries after.
    """
    ordered = sorted(latencies)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    answered = [one for one in ordered if one < NEVER_ANSWERED_NS] or [round(middle)]
    return BlockTime(max(middle, 1.0), before, after, sum(answered) / len(answered))


def blocks_of(latencies: Latencies, before: Canaries, after: Canaries) -> list[BlockTime]:
    """Return the blocks of a whole load, which has been generated at once.

    Args:
        latencies: of the load.
        before: the canaries before the load, which would disturb the load.
        after: the canaries after the load.
    """
    values = latencies.judged
    windows = min(WINDOWS, max(len(values) // _FEWEST, 1))
    number = len(values)
    parts = (values[number * at // windows : number * (at + 1) // windows] for at in range(windows))
    return [block_of(part, before, after) for part in parts if part]


def joined(plan: LoadPlan, records: Sequence[LoadRecord]) -> LoadRecord:
    """Return the record of a load that was generated in windows.

    Args:
        plan: the whole load.
        records: of the windows, at least one.
    """
    latencies, outcomes = Latencies(), array("b")
    for one in records:
        outcomes.extend(one.outcomes)
        latencies.extend(one.latencies)
    errors = [group for one in records for group in one.errors]
    last = records[-1]
    elapsed_ns = sum(one.elapsed_ns for one in records)
    return replace(
        last,
        plan=plan,
        latencies=latencies,
        outcomes=outcomes,
        errors=errors,
        elapsed_ns=elapsed_ns,
        in_time=0,  # the windows have durations of their own
        disturbances=Disturbances(),  # the positions are those within a window
        over_time=(),  # the windows of the other side lie between
    )


def why_not_timed(records: Sequence[LoadRecord]) -> str:
    """Return the reason why the windows of a side cannot be compared; empty if they can."""
    return "" if any(len(one.latencies) for one in records) else "no request of the load was answered"


def doubt(record: LoadRecord) -> str:
    """Return a note if the generator's own lateness hides a part of a slowdown; empty if it does not."""
    if not (record.plan.is_open and len(record.latencies)):
        return ""
    late, typical = record.generator.lateness_p50_ns, block_of(record.latencies.judged).time_ns
    if late <= MOST_LATENESS * typical:
        return ""
    return (
        f"half of the requests started more than {time_text(late)} late, and a request takes {time_text(typical)}, "
        "so a slowdown shows in part only: compare a load of users="
    )
