"""The baseline's call profiles: the calls and the costs of functions, to name the culprit of a regression.

The profiles are in a separate file, `perf-baseline.calls.json` beside `perf-baseline.json`, because a profile is longer
than the line that it explains, and is read only when something got slower. A profile decides nothing. The file also has
the versions of the distributions that were installed on each machine when its profiles were last written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.atomic_write import replace_text
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.baseline.stored_costs import from_row, to_row
from pytest_perfbudget.core.cost_graph import CostGraph
from pytest_perfbudget.errors import BaselineError

_SCHEMA: Final = "perfbudget-calls/1"
MOST_FUNCTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls by function in one execution, for the functions that are called most, and the costs of functions.

    Attributes:
        functions: the calls by function.
        unknown: the most calls that a function without an entry may have had: 0 if all functions have an entry.
        machine: the key of the machine that the costs are of; empty without costs.
        costs: the costs of the project's functions; None if they were not profiled.
    """

    functions: Mapping[str, int]
    unknown: int = 0
    machine: str = ""
    costs: CostGraph | None = None

    @classmethod
    def from_functions(cls, functions: Mapping[str, int], machine: str = "", costs: CostGraph | None = None) -> Calls:
        """Return the calls of the functions that are called most, and the costs."""
        ranked = sorted(functions.items(), key=lambda item: (-item[1], item[0]))
        kept = dict(ranked[:MOST_FUNCTIONS])
        unknown = ranked[MOST_FUNCTIONS - 1][1] if len(ranked) > MOST_FUNCTIONS else 0
        return cls(kept, unknown, "" if costs is None else machine, costs)


_Place = tuple[str, str, str]
"""A test, a measurement and a Python version (`Machine.python`)."""


@dataclass(frozen=True, slots=True)
class _File:
    """The content of the file: the profiles, and the versions of the distributions by the key of the machine."""

    profiles: Mapping[_Place, Calls] = field(default_factory=dict)
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def calls_file(baseline: Path) -> Path:
    """Return the file of a baseline's call profiles: beside the baseline, or beside its target if it is a link."""
    baseline = Path(os.path.realpath(baseline))
    return baseline.with_name(f"{baseline.stem}.calls{baseline.suffix}")


def read_calls(baseline: Path, key: Key, python: str) -> Calls | None:
    """Return the call profile of a measurement; None if no profile can be read."""
    return (_read(calls_file(baseline)) or _File()).profiles.get((key.test, key.name, python))


def read_versions(baseline: Path, machine: str) -> Mapping[str, str] | None:
    """Return the versions of the distributions on a machine; None if they are not known."""
    found = _read(calls_file(baseline))
    return found.versions.get(machine) if found is not None else None


def called_functions(baseline: Path) -> list[tuple[str, list[str]]]:
    """Return the functions that each measurement of the baseline calls, with its test; none without a profile."""
    found = _read(calls_file(baseline)) or _File()
    return [(test, list(calls.functions)) for (test, _, _), calls in found.profiles.items()]


def change_calls(
    baseline: Path,
    found: Mapping[_Place, Calls],
    removed: Iterable[tuple[str, str]],
    versions: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Replace and remove profiles; the caller holds the baseline's lock.

    Args:
        baseline: the baseline's file.
        found: the new profiles.
        removed: the measurements whose profiles are removed.
        versions: by the key of the machine, the versions of its distributions; they are written with new profiles only.

    Raises:
        OSError: the file cannot be written.
        BaselineError: the existing file cannot be understood; it is not overwritten.
    """
    gone = set(removed)
    path = calls_file(baseline)
    before = _checked(path)
    profiles = {place: calls for place, calls in before.profiles.items() if place[:2] not in gone} | dict(found)
    after = _File(profiles, {**before.versions, **(versions or {})} if found else before.versions)
    if after != before:
        replace_text(path, _render(after))


def check_calls(baseline: Path) -> None:
    """Check that the profiles of a baseline can be changed.

    Raises:
        BaselineError: the existing file cannot be understood.
    """
    _checked(calls_file(baseline))


def _checked(path: Path) -> _File:
    found = _read(path)
    if found is None:
        message = f"{path.name}: cannot be understood: restore it from git, or remove it"
        raise BaselineError(message)
    return found


def _read(path: Path) -> _File | None:
    """Return all profiles; None if the existing file cannot be read or understood."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
        if document["schema"] != _SCHEMA:
            return None
        versions = {str(machine): _texts(found) for machine, found in document.get("installed", {}).items()}
        return _File({_place(row): _calls(row) for row in document["profiles"]}, versions)
    except FileNotFoundError:
        return _File()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _place(row: Mapping[str, Any]) -> _Place:
    return str(row["test"]), str(row.get("name", "")), str(row["python"])


def _calls(row: Mapping[str, Any]) -> Calls:
    functions = _functions(row["calls"])
    costs = from_row(row["costs"], list(functions)) if "costs" in row else None
    return Calls(functions, int(row.get("unknown", 0)), str(row.get("machine", "")), costs)


def _functions(calls: Mapping[str, Any]) -> dict[str, int]:
    return {str(function): int(number) for function, number in calls.items()}


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(version) for name, version in found.items()}


def _render(file: _File) -> str:
    rows = [
        json.dumps(_row(place, calls), ensure_ascii=False)
        for place, calls in sorted(file.profiles.items(), key=lambda item: item[0])
    ]
    head = [f'"schema": "{_SCHEMA}",']
    if file.versions:
        head += [f'"installed": {json.dumps(file.versions, ensure_ascii=False, sort_keys=True)},']
    return "\n".join(["{", *head, '"profiles": [', ",\n".join(rows), "]", "}", ""])


def _row(place: _Place, calls: Calls) -> dict[str, Any]:
    test, name, python = place
    row: dict[str, Any] = {
        "test": test, "name": name, "python": python, "unknown": calls.unknown, "machine": calls.machine
    }  # fmt: skip
    costs = {} if calls.costs is None else {"costs": to_row(calls.costs, list(calls.functions))}
    return {key: value for key, value in row.items() if value} | {"calls": dict(calls.functions)} | costs
