"""The removal of old sessions, for which a date alone is no proof of age: the clock of a machine may be wrong.

The order in which sessions were appended cannot be wrong. A session is therefore removed only if its date is too old,
and more days of sessions were appended after it than the history keeps. A clock that jumps ahead adds one day to this
count, however far it jumps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

AHEAD_S: Final = 3600.0
"""The time after the present from which a date is that of a wrong clock."""
_DAY_S: Final = 86_400.0
_MORE: Final = 3
"""The days beyond those that are kept: the first and the last may be moments, and one may be a jump of a clock."""


def removable(times_s: Iterable[float], now_s: float, oldest_s: float) -> int:
    """Return how many sessions, the first that were appended, may be removed if their dates are too old as well.

    Args:
        times_s: the time of each session, in s since 1970, in the order in which they were appended.
        now_s: the present time; a session that is dated later counts for nothing.
        oldest_s: the time before which sessions are too old.
    """
    latest_s = float("-inf")
    firsts: dict[float, int] = {}  # of each day on which a session was later than all before, the first such session
    for place, at_s in enumerate(times_s):
        if latest_s < at_s <= now_s + AHEAD_S:
            latest_s = at_s
            firsts.setdefault(at_s // _DAY_S, place)
    needed = max(int((now_s - oldest_s) / _DAY_S), 0) + _MORE
    return list(firsts.values())[-needed] if len(firsts) >= needed else 0


def in_order(times_s: Iterable[float], now_s: float) -> list[float]:
    """Return times at which dates in the future are replaced by that of the session that was appended before.

    Args:
        times_s: the time of each session, in the order in which they were appended.
        now_s: the present time.
    """
    found: list[float] = []
    latest_s: float | None = None
    for at_s in times_s:
        if at_s <= now_s + AHEAD_S:
            latest_s = at_s if latest_s is None else max(latest_s, at_s)
            found.append(at_s)
        else:
            found.append(min(at_s, now_s) if latest_s is None else latest_s)
    return found
