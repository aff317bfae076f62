"""Bytecode instructions that cannot be compared: those of another version of Python, and those that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.baseline.schema import Line
from pytest_perfbudget.core.instructions import MOST_COMPARED
from pytest_perfbudget.core.metrics import INSTRUCTIONS
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict


def without_instructions(line: Line) -> Line:
    """Return a line of the baseline without its instructions, for a measurement whose instructions are not compared."""
    return replace(line, counts={name: count for name, count in line.counts.items() if name != INSTRUCTIONS.name})


def foreign_instructions(others: Iterable[Machine], here: Machine) -> RegressionResult:
    """Return the result for instructions that the baseline has of other versions of Python or other systems only."""
    known = ", ".join(sorted({f"{one.python} on {one.system}" for one in others}))
    why = f"the baseline's bytecode instructions are of {known}, and this is {here.python} on {here.system}"
    return RegressionResult(
        INSTRUCTIONS.name, RegressionVerdict.FOREIGN, INSTRUCTIONS.unit, INSTRUCTIONS.direction, reason=why
    )


def lack_of_instructions(before: Mapping[str, int], against: str) -> str:
    """Return a note if the other side has no instructions to compare with; empty if it has.

    Args:
        before: the counts of the other side.
        against: the other side.
    """
    count = before.get(INSTRUCTIONS.name)
    if count is None:
        few = f"there are none, or more than {MOST_COMPARED:,}"
        return f"its bytecode instructions are not compared: {against} has no number of them ({few})"
    if count > MOST_COMPARED:
        return f"its bytecode instructions are not compared: {against} has more than {MOST_COMPARED:,}"
    return ""
