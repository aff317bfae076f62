"""Instructions by function and line, from the runs of each instruction of each code object."""

from __future__ import annotations

import linecache
import zlib
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Final

from pytest_perfbudget.core.instructions import FunctionInstructions, LineRuns
from pytest_perfbudget.measure.function_names import portable_name

_DIGITS: Final = 5
_MOST_FUNCTIONS: Final = 40


def executed_functions(runs: Iterable[tuple[CodeType, Sequence[int]]]) -> list[FunctionInstructions]:
    """Return the functions with the most instructions of their own, the most first.

    A function that is defined several times, such as a closure, has all its instructions together.
    """
    lines: dict[str, dict[int, LineRuns]] = {}
    for code, by_offset in runs:
        own = lines.setdefault(portable_name(code), {})
        for one in _by_line(code, by_offset):
            own[one.line] = one.plus(own.get(one.line))
    found = [
        FunctionInstructions(name, sum(one.instructions for one in own.values()), tuple(own[at] for at in sorted(own)))
        for name, own in lines.items()
    ]
    found.sort(key=lambda one: (-one.count, one.function))
    return found[:_MOST_FUNCTIONS]


def _by_line(code: CodeType, by_offset: Sequence[int]) -> Iterator[LineRuns]:
    """Return the lines of a code object that ran; instructions without a line have line 0."""
    most: dict[int, int] = {}
    total: dict[int, int] = {}
    for start, end, line in code.co_lines():
        part = by_offset[start:end]
        if any(part):
            at = line or 0
            most[at] = max(most.get(at, 0), *part)
            total[at] = total.get(at, 0) + sum(part)
    return (LineRuns(at, _digest(code.co_filename, at), most[at], total[at]) for at in most)


def _digest(file: str, line: int) -> str:
    """Return a digest of a line without its indentation, by which the line is found again at another place."""
    text = linecache.getline(file, line).strip() if line else ""
    return f"{zlib.crc32(text.encode()):08x}"[:_DIGITS]
