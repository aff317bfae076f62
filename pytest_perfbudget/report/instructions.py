"""The wording of findings about bytecode instructions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_perfbudget.core.instructions import InstructionRow
from pytest_perfbudget.report.numbers import counted


def instruction_lines(rows: Sequence[InstructionRow]) -> Iterator[str]:
    """Yield the functions with the most instructions, and the costliest line of each."""
    if rows:
        yield "Where the instructions go, in one execution, without the functions that each calls:"
    for one in rows:
        yield f"  {one.share:4.0%}  {one.function}, line {one.line} runs {counted(one.runs, 'time')}"
