"""The upper bounds of what a recommendation saves: no more than the test lost.

A profile inflates the time of short calls, by several times that of their own, so its share of the whole time is no
bound. The measured slowdown is: without its cause a test takes what it took before.
"""

from __future__ import annotations

from pytest_perfbudget.core.results import RegressionResult


def lost(change: RegressionResult) -> float:
    """Return the share of the cost by which a regression is above the other side."""
    return 1 - 1 / change.badness if change.badness > 1 else 0.0


def most_saved(time: RegressionResult, caller: str, callee: str, profiled: float = 1.0) -> float:
    """Return the share of the time that is saved at most without the additional calls of a function by another.

    If the calls are known as a cause of the slowdown, that is all of the slowdown but for the parts of other causes:
    what no cause explains is the error of the profiles.

    Args:
        time: the slowdown.
        caller: the function that makes the calls.
        callee: the function that is called.
        profiled: the share of the time by the profile.
    """
    named = [one for one in time.blamed if one.function == caller and callee in one.callees]
    if not named:
        return min(profiled, lost(time))
    others_ns = sum(max(one.gained_ns, 0.0) for one in time.blamed if one not in named)
    whole_ns = max(named[0].of_ns, others_ns + named[0].gained_ns)
    return lost(time) * (1 - others_ns / whole_ns) if whole_ns > 0 else 0.0
