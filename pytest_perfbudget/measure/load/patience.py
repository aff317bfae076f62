"""The rules by which each generator waits: how often it looks, and when it gives a request up."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.core.load.plan import LoadPlan

GRACE_NS: Final = 1_500_000_000
"""The time after the end of a load in which requests may still be answered."""

STUCK_NS: Final = 300_000_000
"""The time that a request has to end after it was cancelled."""

LEAD_NS: Final = 20_000_000
"""The time before the first request of an open load, in which the thread of the pacer starts."""

HEARTBEAT_NS: Final = 20_000_000
"""The distance of the times at which the generator of a closed load looks how late it is."""

_SHORTEST_WATCH_S: Final = 0.005
LONGEST_WATCH_S: Final = 0.05


def watch_period_s(plan: LoadPlan) -> float:
    """Return the distance between two looks at the requests of a load."""
    return min(max(plan.timeout_ns / 20e9, _SHORTEST_WATCH_S), LONGEST_WATCH_S)


def why_given_up(plan: LoadPlan, due_ns: int, now_ns: int, end_ns: int) -> tuple[str, str] | None:
    """Return the kind and the message of the error of a request that has waited too long; None if it may still wait.

    Args:
        plan: the load.
        due_ns: the time at which the request was due.
        now_ns: the time.
        end_ns: the end of the load.
    """
    if now_ns >= end_ns + GRACE_NS:
        return "Unanswered", f"no answer {GRACE_NS / 1e9:g} s after the end"
    if now_ns - due_ns > plan.timeout_ns:
        return "TimeoutError", f"no answer within {plan.timeout_ns / 1e9:g} s"
    return None
