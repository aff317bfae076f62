"""A small chart of numbers in a single line, with a line of marks below it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_DIGITS: Final = "12345678"
_LEAST_RANGE: Final = 0.2
"""The least height of the chart, as a share of the middle value: noise of a percent is no mountain."""


def sparkline(values: Sequence[float], cells: int, *, unicode: bool) -> str:
    """Return a chart of numbers, the first on the left; numbers that share a cell are shown by their median.

    Args:
        values: the numbers, at least one.
        cells: the most cells.
        unicode: whether the output can show block characters; otherwise the digits from 1 to 8 are used.
    """
    shown = [median(values[start:end]) for start, end in pairwise(_edges(len(values), cells))]
    low, high = min(shown), max(shown)
    height = max(high - low, _LEAST_RANGE * abs(median(shown))) or 1.0
    bottom = (low + high - height) / 2
    marks = _BLOCKS if unicode else _DIGITS
    return "".join(marks[min(int((one - bottom) / height * len(marks)), len(marks) - 1)] for one in shown)


def marks_below(marks: Mapping[int, str], number: int, cells: int) -> str:
    """Return the line below a chart.

    Args:
        marks: a character for the index of a number; of those that share a cell, the last counts.
        number: the number of numbers in the chart.
        cells: the most cells of the chart.
    """
    edges = _edges(number, cells)
    line = [" "] * (len(edges) - 1)
    for index, mark in marks.items():
        line[bisect_right(edges, index) - 1] = mark
    return "".join(line).rstrip()


def _edges(number: int, cells: int) -> list[int]:
    """Return the index of the first number of each cell, and the number of numbers at the end.

    The last number has a cell of its own, because readers look for it.
    """
    used = min(number, cells) - 1
    return [at * (number - 1) // max(used, 1) for at in range(used)] + [number - 1, number]
