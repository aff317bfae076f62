"""The wording of profiles: the time of functions, alone and with the functions that they call."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.core.call_graph import CallGraphs
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.report.numbers import quantity

FLAME_LEGEND: Final = (
    ("hot-3", "\u25b2 slower than on the other side, without the functions that it calls"),
    ("plain", "about as before"),
    ("cold-3", "\u25bc faster"),
)
"""The colours of a flame graph with the other side: the name of the colour, and its meaning."""


def flame_caption(graphs: CallGraphs, interrupted: str = "") -> str:
    """Return what a flame graph shows.

    Args:
        graphs: the profiled call of each side.
        interrupted: see `interrupted_text`; such a profile is not compared with the other side.
    """
    shown = f"one profiled call of {quantity(graphs.head.total_ns, 'ns')}"
    if graphs.base is not None:
        shown += f", of the other side {quantity(graphs.base.total_ns, 'ns')}"
    shown += f"; {interrupted or 'a profile inflates times, so compare the shares'}"
    if graphs.own_costs is not None:
        shown += "; own times are without the profiler's, with the libraries that a function calls"
    return shown


def interrupted_text(measurement: Measurement) -> str:
    """Return that a profiled call of a measurement took too long to be compared; empty if it did not.

    The mean has the stalls of the machine and counts only where nothing else is known.
    """
    if measurement.call_graphs is None:
        return ""
    graphs = measurement.call_graphs
    time = next((one for one in measurement.changes if one.metric == TIME.name), None)
    median_ns, mean_ns = (measurement.statistics.get(name, 0.0) for name in ("median", "mean"))
    head_ns = max(time.after or 0.0 if time is not None else 0.0, median_ns) or mean_ns
    base_ns = time.before or 0.0 if time is not None else 0.0
    for side, graph, measured_ns in (("", graphs.head, head_ns), (" of the other side", graphs.base, base_ns)):
        if graph is not None and measured_ns and graph.is_interrupted(measured_ns):
            compared = "" if graphs.base is None else ", so the functions are not compared"
            return (
                f"the call{side} took far longer than the measured {quantity(measured_ns, 'ns')}: something else "
                f"probably interrupted it{compared}"
            )
    return ""


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
