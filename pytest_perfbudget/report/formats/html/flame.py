"""The flame graph of a measurement: a frame for each function within its callers, as wide as its time.

If the other side is known as well, the colour of a frame is the difference in the time of its function alone. A change
of a function then shows at the function and not at its callers, also if new callers stand between. A baseline has no
profiled call, but the own costs of functions. Several functions of one name, such as lambdas, are compared as one if
the sides do not have equally many: a further function gives other numbers to those below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pytest_perfbudget.core.call_graph import CallGraphs, unnumbered
from pytest_perfbudget.core.call_tree import CallNode, own_times, tree_of
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.report.formats.speedscope import profiles
from pytest_perfbudget.report.profiles import FLAME_LEGEND, flame_caption, frame_text, interrupted_text, own_text

_WIDTH: Final = 10_000
_STEPS: Final = (0.01, 0.05, 0.2)
"""The differences, as shares of the whole time, from which on a frame has the first, second and third shade."""


def flame(measurement: Measurement, report: str | None) -> dict[str, Any] | None:
    """Return the flame graph of a measurement, with the names of its files if it has any; None without a profile."""
    graphs = measurement.call_graphs
    if graphs is None or not (nodes := tree_of(graphs.head)):
        return None
    interrupted = interrupted_text(measurement)
    # The lost time would colour an innocent function.
    frames = _Frames(replace(graphs, base=None) if interrupted else graphs, nodes)
    frames.add(nodes, 0, 0.0)
    return {
        "caption": flame_caption(graphs, interrupted),
        "legend": FLAME_LEGEND,
        "is_compared": frames.is_compared,
        "depth": 1 + max(row[0] for row in frames.rows),
        "functions": frames.functions,
        "rows": frames.rows,
        "files": [] if report is None else [name for name, _ in profiles(measurement, report)],
    }


class _Frames:
    """The frames as rows of depth, start, width, place of the function, and the text of the time in the frame.

    A function has its name, the text about its own time, and the step of its difference, below 0 if it became faster.
    """

    def __init__(self, graphs: CallGraphs, nodes: Sequence[CallNode]) -> None:
        self.rows: list[tuple[int, int, int, int, str]] = []
        self.functions: list[tuple[str, str, int]] = []
        self._places: dict[str, int] = {}
        self._total_ns = sum(one.time_ns for one in nodes)
        self._own: Mapping[str, float] = own_times(nodes)
        self._sides: Sequence[Mapping[str, float]] = ()
        if graphs.base is not None:
            self._sides = (self._own, own_times(tree_of(graphs.base)))
        elif graphs.own_costs is not None:
            self._sides = (graphs.own_costs.head, graphs.own_costs.base)
        names = [{*side} for side in self._sides] or [set[str]()]
        self._renumbered = {unnumbered(one) for one in names[0] ^ names[-1]}
        self._known = {unnumbered(one) for one in names[0] | names[-1]}

    @property
    def is_compared(self) -> bool:
        """Whether the colours show differences from the other side."""
        return bool(self._sides)

    def add(self, nodes: Sequence[CallNode], depth: int, start_ns: float) -> None:
        """Add functions that stand beside each other."""
        for node in nodes:
            low, high = (round(_WIDTH * at / self._total_ns) for at in (start_ns, start_ns + node.time_ns))
            text = frame_text(node.time_ns, self._total_ns)
            self.rows.append((depth, low, max(high - low, 1), self._place(node.function), text))
            self.add(node.children, depth + 1, start_ns)
            start_ns += node.time_ns

    def _place(self, function: str) -> int:
        if function not in self._places:
            self._places[function] = len(self.functions)
            self.functions.append((function, *self._own_part(function)))
        return self._places[function]

    def _own_part(self, function: str) -> tuple[str, int]:
        if unnumbered(function) not in self._known:
            return own_text(self._own[function], None), 0
        own_ns, base_ns = (self._alike_ns(function, side) for side in self._sides)
        share = (own_ns - base_ns) / sum(self._sides[0].values())
        step = sum(abs(share) >= one for one in _STEPS)
        return own_text(own_ns, base_ns), step if share > 0 else -step

    def _alike_ns(self, function: str, side: Mapping[str, float]) -> float:
        """Return the own time of a function on a side, with that of others of its name if the numbers may differ."""
        name = unnumbered(function)
        if function in side and name not in self._renumbered:
            return side[function]
        return sum(own_ns for one, own_ns in side.items() if unnumbered(one) == name)
