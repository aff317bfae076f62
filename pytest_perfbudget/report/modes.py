"""The wording of the modes of times."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_perfbudget.core.modes import modes_of
from pytest_perfbudget.report.numbers import quantity, times


def modes_text(times_ns: Sequence[float], noun: str) -> str:
    """Return the sentence about times with two modes; empty if there is one.

    Args:
        times_ns: the times, in any order.
        noun: the word for what took a time, such as `round`.
    """
    modes = modes_of(times_ns)
    if modes is None:
        return ""
    slow, fast = quantity(modes.slow, "ns"), quantity(modes.fast, "ns")
    factor = times(modes.slow / modes.fast)
    return f"two modes: {modes.slow_share:.0%} of the {noun}s take {factor} as long ({slow}, the others {fast})"
