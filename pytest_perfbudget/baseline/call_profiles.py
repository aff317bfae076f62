"""The baseline's call profiles: the calls and the costs of functions, to name the culprit of a regression.

The file, `perf-baseline.calls.json` beside `perf-baseline.json`, also has the versions of the distributions that were
installed on each machine when its profiles were last written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.baseline.profile_file import Place, ProfileFile
from pytest_perfbudget.baseline.schema import Key
from pytest_perfbudget.baseline.stored_costs import from_row, to_row
from pytest_perfbudget.core.cost_graph import CostGraph

_INSTALLED: Final = "installed"
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


def calls_file(baseline: Path) -> Path:
    """Return the file of a baseline's call profiles."""
    return _FILE.beside(baseline)


def read_calls(baseline: Path, key: Key, python: str) -> Calls | None:
    """Return the call profile of a measurement; None if no profile can be read."""
    return _FILE.find(baseline, key, python)


def read_versions(baseline: Path, machine: str) -> Mapping[str, str] | None:
    """Return the versions of the distributions on a machine; None if they are not known."""
    found: Mapping[str, Mapping[str, str]] = _FILE.read(baseline).shared.get(_INSTALLED, {})
    return found.get(machine)


def called_functions(baseline: Path) -> list[tuple[str, list[str]]]:
    """Return the functions that each measurement of the baseline calls, with its test; none without a profile."""
    return [(test, list(calls.functions)) for (test, _, _), calls in _FILE.read(baseline).by_place.items()]


def change_calls(
    baseline: Path,
    found: Mapping[Place, Calls],
    removed: Iterable[tuple[str, str]],
    versions: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Replace and remove profiles; see `ProfileFile.change`.

    Args:
        baseline: the baseline's file.
        found: the new profiles.
        removed: the measurements whose profiles are removed.
        versions: by the key of the machine, the versions of its distributions; None or empty to keep those of the file.

    Raises:
        OSError: the file cannot be written.
        BaselineError: the existing file cannot be understood; it is not overwritten.
    """
    shared = None
    if versions:
        shared = {_INSTALLED: {**_FILE.checked(baseline).shared.get(_INSTALLED, {}), **versions}}
    _FILE.change(baseline, found, removed, shared)


def check_calls(baseline: Path) -> None:
    """Check that the profiles of a baseline can be changed.

    Raises:
        BaselineError: the existing file cannot be understood.
    """
    _FILE.checked(baseline)


def _calls(row: Mapping[str, Any]) -> Calls:
    functions = {str(function): int(number) for function, number in row["calls"].items()}
    costs = from_row(row["costs"], list(functions)) if "costs" in row else None
    return Calls(functions, int(row.get("unknown", 0)), str(row.get("machine", "")), costs)


def _row(calls: Calls) -> dict[str, Any]:
    row: dict[str, Any] = {"unknown": calls.unknown, "machine": calls.machine}
    costs = {} if calls.costs is None else {"costs": to_row(calls.costs, list(calls.functions))}
    return {key: value for key, value in row.items() if value} | {"calls": dict(calls.functions)} | costs


def _versions(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    return {str(machine): {str(name): str(one) for name, one in known.items()} for machine, known in found.items()}


_FILE: Final = ProfileFile("calls", _calls, _row, {_INSTALLED: _versions})
