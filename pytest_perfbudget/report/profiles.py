"""The wording of profiles: the time of functions, alone and with the functions that they call."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.core.call_graph import CallGraphs
from pytest_perfbudget.report.numbers import quantity

FLAME_LEGEND: Final = (
    ("hot-3", "\u25b2 slower than on the other side, without the functions that it calls"),
    ("plain", "about as before"),
    ("cold-3", "\u25bc faster"),
)
"""The colours of a flame graph with the other side: the name of the colour, and its meaning."""


def flame_caption(graphs: CallGraphs) -> str:
    """Return what a flame graph shows."""
    head = quantity(graphs.head.total_ns, "ns")
    if graphs.base is None:
        return f"one profiled call of {head}; a profile inflates times, so compare the shares"
    base = quantity(graphs.base.total_ns, "ns")
    return f"one profiled call of {head}, of the other side {base}; a profile inflates times, so compare the shares"


def frame_text(time_ns: float, total_ns: float) -> str:
    """Return the time of a function with the functions that it calls."""
    return f"{quantity(time_ns, 'ns')}, {time_ns / total_ns:.0%} of the call"


def own_text(own_ns: float, base_ns: float | None) -> str:
    """Return the time of a function without the functions that it calls, and its difference from the other side.

    Args:
        own_ns: the time.
        base_ns: the time on the other side; None if the other side is not known.
    """
    own = quantity(own_ns, "ns")
    if base_ns is None:
        return f"{own} of its own"
    gained = own_ns - base_ns
    if gained == 0:
        return f"{own} of its own, as before"
    direction = "more" if gained > 0 else "less"
    return f"{own} of its own, {quantity(abs(gained), 'ns')} {direction} than on the other side"
