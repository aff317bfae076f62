"""The baseline's instructions by function and line, to name the culprit of a regression.

The profiles are in a file of their own, `perf-baseline.instructions.json` beside `perf-baseline.json`, which exists
only if instructions are compared, and is read only when they have grown. A profile takes at most a kilobyte, and
decides nothing. A function has the form `"words:unique": [12000, "3a1f0:1 9c2d7:1000"]`: the instructions, and for the
lines that run most often the digests and the runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.core.instructions import ExecutedFunctions, FunctionInstructions, LineRuns
from pytest_perfbudget.errors import BaselineError

_SCHEMA: Final = "perfbudget-instructions/1"
MOST_BYTES: Final = 1_000
"""The size of a profile in the file."""

_MOST_LINES: Final = 12
_Place = tuple[str, str, str]
"""A test, a measurement and a Python version (`Machine.python`)."""

_Row = Mapping[str, Any]


def instructions_file(baseline: Path) -> Path:
    """Return the file of a baseline's instructions: beside the baseline, or beside its target if it is a link."""
    baseline = Path(os.path.realpath(baseline))
    return baseline.with_name(f"{baseline.stem}.instructions{baseline.suffix}")


def read_instructions(baseline: Path, key: Key, python: str) -> ExecutedFunctions | None:
    """Return the instructions of a measurement by function; None if no profile can be read."""
    row = (_read(instructions_file(baseline)) or {}).get((key.test, key.name, python))
    try:
        return None if row is None else _functions(row)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def change_instructions(
    baseline: Path, found: Mapping[_Place, Sequence[FunctionInstructions]], removed: Iterable[tuple[str, str]]
) -> None:
    """Replace and remove profiles; a measurement without instructions has none. The caller holds the baseline's lock.

    Raises:
        OSError: the file cannot be written.
        BaselineError: the existing file cannot be understood; it is not overwritten.
    """
    path, gone = instructions_file(baseline), set(removed)
    before = _checked(path)
    kept = {place: row for place, row in before.items() if place[:2] not in gone and place not in found}
    after = kept | {place: _row(place, functions) for place, functions in found.items() if functions}
    if after != before:
        replace_text(path, _render(after))


def check_instructions(baseline: Path) -> None:
    """Check that the profiles of a baseline can be changed.

    Raises:
        BaselineError: the existing file cannot be understood.
    """
    _checked(instructions_file(baseline))


def _checked(path: Path) -> dict[_Place, _Row]:
    found = _read(path)
    if found is None:
        message = f"{path.name}: cannot be understood: restore it from git, or remove it"
        raise BaselineError(message)
    return found


def _read(path: Path) -> dict[_Place, _Row] | None:
    """Return all profiles; None if the existing file cannot be read or understood."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
        if document["schema"] != _SCHEMA:
            return None
        return {(str(row["test"]), str(row.get("name", "")), str(row["python"])): row for row in document["profiles"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _functions(row: _Row) -> ExecutedFunctions:
    """Return the functions of a profile, whose lines have no numbers and no instructions."""
    functions = []
    for name, (count, *rest) in row["functions"].items():
        pairs = [part.split(":") for text in rest for part in text.split()]
        lines = tuple(LineRuns(0, digest, int(runs), 0) for digest, runs in pairs)
        functions.append(FunctionInstructions(str(name), int(count), lines))
    return ExecutedFunctions(functions, int(row.get("unknown", 0)))


def _row(place: _Place, functions: Sequence[FunctionInstructions]) -> _Row:
    """Return the profile of a measurement: as many functions as fit, those with the most instructions first."""
    test, name, python = place
    row: dict[str, Any] = {"test": test, **({"name": name} if name else {}), "python": python, "functions": {}}
    kept: dict[str, list[Any]] = row["functions"]
    for one in sorted(functions, key=lambda one: -one.count):
        for entry in ([one.count, _lines(one)], [one.count]):
            kept[one.function] = entry
            if len(_text(row["functions"])) <= MOST_BYTES:
                break
        else:
            del kept[one.function]
            return {**row, "unknown": one.count}
    return row


def _lines(function: FunctionInstructions) -> str:
    """Return the lines of a function that run most often, in the order of the file."""
    often = sorted(function.lines, key=lambda line: -line.runs)[:_MOST_LINES]
    return " ".join(f"{one.digest}:{one.runs}" for one in function.lines if one in often)


def _text(row: _Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def _render(profiles: Mapping[_Place, _Row]) -> str:
    rows = ",\n".join(_text(row) for _, row in sorted(profiles.items()))
    return "\n".join(["{", f'"schema": "{_SCHEMA}",', '"profiles": [', rows, "]", "}", ""])
