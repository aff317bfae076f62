"""The wording of the modes of times."""

from __future__ import annotations

from pytest_perfbudget.core.modes import Modes, modes_of
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.report.numbers import quantity, times

_WITHOUT = ", without the time in which other processes held the CPU"


def modes_text(rounds: RoundTimes, noun: str) -> str:
    """Return the sentence about times with two modes; empty if there is one.

    Times in which other processes held the CPU make no mode of the code; the sentence says so.

    Args:
        rounds: the times.
        noun: the word for what took a time, such as `round`.
    """
    modes = modes_of(rounds.own_times_ns())
    if modes is not None:
        factor = times(modes.slow / modes.fast)
        without = _WITHOUT if rounds.waited else ""
        return f"two modes: {modes.slow_share:.0%} of the {noun}s take {factor} as long ({_groups(modes)}){without}"
    seen = modes_of(rounds.times_ns()) if rounds.waited else None
    if seen is None:
        return ""
    slow = f"{seen.slow_share:.0%} of the {noun}s ({_groups(seen)})"
    return f"{noun}s that were preempted: other processes held the CPU during {slow}"


def _groups(modes: Modes) -> str:
    return f"{quantity(modes.slow, 'ns')}, the others {quantity(modes.fast, 'ns')}"
