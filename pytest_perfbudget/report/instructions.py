"""The wording of findings about bytecode instructions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_perfbudget.core.instructions import InstructionGrowth, InstructionRow, LineGrowth
from pytest_perfbudget.report.numbers import counted


def instruction_lines(rows: Sequence[InstructionRow]) -> Iterator[str]:
    """Yield the functions with the most instructions, and the costliest line of each."""
    if rows:
        yield "Where the instructions go, in one execution, without the functions that each calls:"
    for one in rows:
        yield f"  {one.share:4.0%}  {one.function}, line {one.line} runs {counted(one.runs, 'time')}"


def growth_lines(growths: Sequence[InstructionGrowth]) -> Iterator[str]:
    """Yield the functions with more instructions than before, each with the lines that run more often."""
    if growths:
        yield "More instructions, without those of the functions that each calls:"
    for one in growths:
        gained = f"+{one.after - (one.before or 0):,} of {one.of:+,} instructions"
        before = "" if one.before else " (few before)" if one.before is None else " (none before)"
        lines = ", ".join(map(_line_text, one.lines))
        yield f"  {one.function} {gained}{before}{': ' if lines else ''}{lines}"


def _line_text(one: LineGrowth) -> str:
    instead = f" instead of {one.before:,}" if one.before is not None else ""
    return f"line {one.line} runs {counted(one.after, 'time')}{instead}"
