"""The baseline's instructions by function and line, to name the culprit of a regression.

The file, `perf-baseline.instructions.json` beside `perf-baseline.json`, exists only if instructions are compared. A
profile takes at most a kilobyte. A function has the form `"words:unique": [12000, "3a1f0:1 9c2d7:1000"]`: the
instructions, and for the lines that run most often the digests and the runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.baseline.profile_file import Place, ProfileFile
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.core.instructions import ExecutedFunctions, FunctionInstructions, LineRuns

MOST_BYTES: Final = 1_000
"""The size of a profile in the file."""

_MOST_LINES: Final = 12
_Row = Mapping[str, Any]


def instructions_file(baseline: Path) -> Path:
    """Return the file of a baseline's instructions."""
    return _FILE.beside(baseline)


def read_instructions(baseline: Path, key: Key, python: str) -> ExecutedFunctions | None:
    """Return the instructions of a measurement by function; None if no profile can be read."""
    row = _FILE.find(baseline, key, python)
    return None if row is None else _functions(row)


def change_instructions(
    baseline: Path, found: Mapping[Place, Sequence[FunctionInstructions]], removed: Iterable[tuple[str, str]]
) -> None:
    """Replace and remove profiles; a measurement without instructions has none. See `ProfileFile.change`.

    Raises:
        OSError: the file cannot be written.
        BaselineError: the existing file cannot be understood; it is not overwritten.
    """
    _FILE.change(baseline, {place: _row(functions) for place, functions in found.items()}, removed)


def check_instructions(baseline: Path) -> None:
    """Check that the profiles of a baseline can be changed.

    Raises:
        BaselineError: the existing file cannot be understood.
    """
    _FILE.checked(baseline)


def _checked_row(row: _Row) -> _Row:
    """Return the own part of a row that can be understood."""
    _functions(row)
    return {key: row[key] for key in ("functions", "unknown") if key in row}


def _functions(row: _Row) -> ExecutedFunctions:
    """Return the functions of a profile, whose lines have no numbers and no instructions."""
    functions = []
    for name, (count, *rest) in row["functions"].items():
        pairs = [part.split(":") for text in rest for part in text.split()]
        lines = tuple(LineRuns(0, digest, int(runs), 0) for digest, runs in pairs)
        functions.append(FunctionInstructions(str(name), int(count), lines))
    return ExecutedFunctions(functions, int(row.get("unknown", 0)))


def _row(functions: Sequence[FunctionInstructions]) -> _Row:
    """Return the profile of a measurement: as many functions as fit, those with the most instructions first."""
    kept: dict[str, list[Any]] = {}
    for one in sorted(functions, key=lambda one: -one.count):
        for entry in ([one.count, _lines(one)], [one.count]):
            kept[one.function] = entry
            if len(json.dumps(kept, ensure_ascii=False).encode()) <= MOST_BYTES:
                break
        else:
            del kept[one.function]
            return {"functions": kept, "unknown": one.count}
    return {"functions": kept} if kept else {}


def _lines(function: FunctionInstructions) -> str:
    """Return the lines of a function that run most often, in the order of the file."""
    often = sorted(function.lines, key=lambda line: -line.runs)[:_MOST_LINES]
    return " ".join(f"{one.digest}:{one.runs}" for one in function.lines if one in often)


_FILE: Final[ProfileFile[_Row]] = ProfileFile("instructions", _checked_row, dict)
