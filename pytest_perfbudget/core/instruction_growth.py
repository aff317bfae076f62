"""The functions with more bytecode instructions than before, and the lines that run more often."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from pytest_perfbudget.core.culprits import old_names
from pytest_perfbudget.core.instructions import (
    ExecutedFunctions,
    FunctionInstructions,
    InstructionGrowth,
    LineGrowth,
    LineRuns,
    total_of,
)

_MOST_FUNCTIONS: Final = 3
_MOST_LINES: Final = 2
_LEAST_SHARE: Final = 0.1
"""The share of the growth from which a function is named."""

_LEAST_OWN_SHARE: Final = 0.02
"""The share from which a function of the project is named: its author can do something about the functions it calls."""


def grown_instructions(
    before: ExecutedFunctions, after: Sequence[FunctionInstructions], own: Container[str] = ()
) -> list[InstructionGrowth]:
    """Return the functions with more instructions of their own, the project's functions first.

    Args:
        before: the functions on the other side.
        after: the functions now.
        own: the names of the project's modules.
    """
    known = {one.function: one for one in before.functions}
    old = old_names(known, [one.function for one in after])
    whole = total_of(after) - total_of(before.functions)
    found = []
    for one in after:
        base = known.get(old[one.function])
        gained = one.count - (base.count if base is not None else before.unknown)
        least = _LEAST_OWN_SHARE if _is_own(one.function, own) else _LEAST_SHARE
        if gained > max(least * whole, 0):
            number = base.count if base is not None else None if before.unknown else 0
            lines = _more_runs(base.lines if base is not None else (), one.lines)
            found.append((gained, InstructionGrowth(one.function, number, one.count, whole, lines)))
    found.sort(key=lambda entry: (not _is_own(entry[1].function, own), -entry[0]))
    return [growth for _, growth in found[:_MOST_FUNCTIONS]]


def _is_own(function: str, own: Container[str]) -> bool:
    return function.partition(":")[0] in own


def _more_runs(before: Sequence[LineRuns], after: Sequence[LineRuns]) -> list[LineGrowth]:
    """Return the lines that run more often, those with the most additional instructions first.

    Lines are matched by their texts, because a change moves the lines below it. A changed line in the place of another
    line is this line.
    """
    found = []
    for old, new in _matched(before, after):
        more = new.runs - (old.runs if old is not None else 0)
        if more > 0:
            growth = LineGrowth(new.line, old.runs if old is not None else None, new.runs)
            found.append((more * new.instructions / new.runs, growth))
    found.sort(key=lambda entry: -entry[0])
    return [growth for _, growth in found[:_MOST_LINES]]


def _matched(before: Sequence[LineRuns], after: Sequence[LineRuns]) -> Iterator[tuple[LineRuns | None, LineRuns]]:
    """Yield each line of now with the same line before; None for a new line."""
    matcher = SequenceMatcher(None, [one.digest for one in before], [one.digest for one in after], autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        is_same = kind == "equal" or (kind == "replace" and end - start == new_end - new_start)
        for at in range(new_start, new_end):
            yield before[start + at - new_start] if is_same else None, after[at]
