"""The import of results that pytest-benchmark has saved, as the seed of a baseline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.baseline import store
from pytest_perfbudget.baseline.machine import Machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.core.reference import uncorrected
from pytest_perfbudget.errors import BaselineError

SPREAD: Final = 0.15
"""The assumed spread of a time that is not corrected for weather: medians of identical code differ by 15 to 25 %
between processes on shared machines."""


def imported(path: Path) -> Baseline:
    """Return the medians of a file that `--benchmark-json` or `--benchmark-save` wrote.

    Raises:
        BaselineError: the file cannot be read, or is not a file from pytest-benchmark.
    """
    try:
        document = json.loads(path.read_text("utf-8-sig"))
        machine = _machine(document["machine_info"])
        commit = str((document.get("commit_info") or {}).get("id") or "")[:9]
        date = str(document.get("datetime") or "")[:10]
        lines = [_line(one, machine, commit, date) for one in document["benchmarks"]]
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise BaselineError(message) from None
    except KeyError as error:
        message = f"{path}: is no file of pytest-benchmark's: it lacks {error}"
        raise BaselineError(message) from None
    except (ValueError, TypeError, AttributeError) as error:
        message = f"{path}: is no file of pytest-benchmark's: {error}"
        raise BaselineError(message) from None
    return Baseline({machine.key: machine}, {line.key: line for line in lines})


def seeded(before: Baseline, seed: Baseline) -> tuple[Baseline, int]:
    """Return the baseline with lines from the seed, and the number of lines that this adds or changes.

    Lines of the baseline that are corrected for weather stay; lines from an earlier import are replaced.
    """
    lacking = {
        key: line for key, line in seed.lines.items() if key not in before.lines or not before.lines[key].is_corrected
    }
    added = {key: line for key, line in lacking.items() if before.lines.get(key) != line}
    return Baseline({**before.machines, **seed.machines}, {**before.lines, **added}), len(added)


def seed_file(file: Path, seed: Baseline) -> int:
    """Add the lines of a seed to a baseline's file, and return the number of lines that this adds or changes.

    Raises:
        BaselineError: the file cannot be read or written.
    """
    added = 0

    def edit(before: Baseline) -> Baseline:
        nonlocal added
        after, added = seeded(before, seed)
        return after

    store.change(file, edit, lambda _: None)
    return added


def _machine(info: Mapping[str, Any]) -> Machine:
    """Return the machine with the names that `this_machine` would give."""
    cpu = info.get("cpu") or {}
    name = str(cpu.get("brand_raw") or info.get("processor") or info["machine"])
    if info["system"] == "Linux" and "family" in cpu and "model" in cpu:
        name = f"{name} family {cpu['family']} model {cpu['model']}"
    version = ".".join(str(info["python_version"]).split(".")[:2])
    return Machine(name, str(info["machine"]), str(info["system"]), f"{info['python_implementation']} {version}")


def _line(benchmark: Mapping[str, Any], machine: Machine, commit: str, date: str) -> Line:
    time_ns = float(benchmark["stats"]["median"]) * 1e9
    if not math.isfinite(time_ns) or time_ns <= 0:
        message = f"median of {benchmark['fullname']} is {time_ns / 1e9}"
        raise ValueError(message)
    time = uncorrected(time_ns, SPREAD)
    return Line(Key(str(benchmark["fullname"]), "", machine.key), time, commit=commit, date=date)
