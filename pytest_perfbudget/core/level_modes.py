"""Levels of a series that are two modes of its sessions.

A commit that returns to the level before is mended code. Code does not go to and fro again and again: the sessions are
of two modes, such as two kinds of machine of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

_RETURNS: Final = 0.35
"""The distance from the levels before, as a share of the smaller step, within which a second step returns there."""
_MODES: Final = 3
"""The fewest returns in a row that show two modes."""


def changes_of_modes(levels: Sequence[float]) -> list[bool]:
    """Return of each change whether it is one of several that lead to and fro between the same two levels.

    Args:
        levels: the logarithms of the levels, at least one.
    """
    found = [False] * (len(levels) - 1)
    start = 0
    while start < len(levels):
        end = start + 2
        while end < len(levels) and _returns(levels[start : end + 1]):
            end += 1
        returns = end - start - 2
        if returns >= _MODES:
            found[start : end - 1] = [True] * (end - 1 - start)
        start = end - 1 if returns >= _MODES else start + 1
    return found


def _returns(levels: Sequence[float]) -> bool:
    """Return whether the last of several levels is one of the two that the others go to and fro between.

    The levels of a staircase, of which each step is taken back in part, move away from those of its beginning.
    """
    *_, before, last = levels
    same = median(levels[-3::-2])
    smaller = min(abs(before - levels[-3]), abs(last - before))
    return abs(last - same) < _RETURNS * smaller
