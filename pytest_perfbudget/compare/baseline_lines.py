"""The lines of a committed baseline, as a session on this machine asks for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pytest_perfbudget.baseline.call_profiles import read_calls
from pytest_perfbudget.baseline.code_digest import commits_with_code
from pytest_perfbudget.baseline.commit import missing_commits
from pytest_perfbudget.baseline.instruction_profiles import read_instructions
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Line
from pytest_perfbudget.compare.evidence import CalledFunctions
from pytest_perfbudget.compare.instructions import foreign_instructions, without_instructions
from pytest_perfbudget.compare.obstacles import unlike
from pytest_perfbudget.core.instructions import ExecutedFunctions
from pytest_perfbudget.core.measurement import Measurement, family_of_id
from pytest_perfbudget.core.metrics import INSTRUCTIONS, METRICS
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import prior_of
from pytest_perfbudget.core.results import RegressionResult


class BaselineLines:
    """The lines of a baseline, by test and measurement.

    Args:
        file: the file of the baseline, beside which the files of profiles are.
        baseline: the content of the file.

    Attributes:
        machine: this machine.
        prior: the typical spread of the times of this machine.
    """

    def __init__(self, file: Path, baseline: Baseline) -> None:
        self._file = file
        self.machine = this_machine()
        self._here = {
            (key.test, key.name): line for key, line in baseline.lines.items() if key.machine == self.machine.key
        }
        self._everywhere = {(key.test, key.name) for key in baseline.lines}
        self._counted: dict[tuple[str, str], Line] = {}
        for key, line in baseline.lines.items():
            other = baseline.machines[key.machine]
            if (other.python, other.system) == (self.machine.python, self.machine.system):
                place = (key.test, key.name)
                self._counted[place] = _worst(self._counted.get(place), line)
        self._counted |= self._here
        self._machines = baseline.machines
        self._instructed = [key for key, line in baseline.lines.items() if INSTRUCTIONS.name in line.counts]
        self.prior = prior_of(line.time for line in self._here.values() if line.time is not None)

    @property
    def is_missing(self) -> bool:
        """Whether there is no baseline."""
        return not self._everywhere and not self._file.exists()

    def find_commits(self, root: Path, tests: Collection[str]) -> None:
        """Give the lines of tests a commit with their code, if they have none that git has.

        Args:
            root: pytest's root folder.
            tests: the tests that will run.
        """
        asked = {
            place: line
            for place, line in self._here.items()
            if line.key.test in tests and line.code and line.time is not None
        }
        missing = missing_commits(root, {line.commit for line in asked.values()}) if asked else set()
        lost = {place: line for place, line in asked.items() if line.commit in missing}
        found = commits_with_code(root, self._file, {line.code for line in lost.values()}) if lost else {}
        for place, line in lost.items():
            self._here[place] = replace(line, commit=found.get(line.code, line.commit))
        self._counted |= self._here

    def timed(self) -> list[Line]:
        """Return the line of each measurement that has a time of this machine."""
        return [line for line in self._here.values() if line.time is not None]

    def of_this_machine(self, nodeid: str, name: str) -> Line | None:
        """Return the line of a measurement on this machine; None if there is none."""
        return self._here.get((nodeid, name))

    def counted(self, nodeid: str, name: str, *, instructions: bool) -> Line | None:
        """Return the line whose counts hold here: of this machine, else of another with this Python and system."""
        line = self._counted.get((nodeid, name))
        return line if line is None or instructions else without_instructions(line)

    def has(self, nodeid: str, name: str) -> bool:
        """Return whether any machine has a line of a measurement."""
        return (nodeid, name) in self._everywhere

    def has_test(self, nodeid: str) -> bool:
        """Return whether any machine has a line of a test."""
        return any(test == nodeid for test, _ in self._everywhere)

    def only_base(self, nodeid: str, measurements: Iterable[Measurement]) -> list[str]:
        """Return the names of the measurements of a test that only the baseline has."""
        made = {one.name for one in measurements}
        return sorted(name for test, name in self._everywhere if test == nodeid and name not in made)

    def unlike(self, against: str, nodeid: str, measurements: Iterable[Measurement]) -> Mapping[str, str]:
        """Return the measurements that cannot be compared with the baseline's of that name, each with the reason."""
        head = {one.name: one.recording for one in measurements if one.recording is not None}
        lines = {name: line for (test, name), line in self._here.items() if test == nodeid}
        others = {name: None for test, name in self._everywhere if test == nodeid}
        names: Mapping[str, Line | None] = lines or others
        family = family_of_id(nodeid)
        same = [line.parameters for (test, _), line in self._here.items() if family_of_id(test) == family]
        cases = [one for one in same if one]
        base = {
            name: Recording() if line is None else Recording(parameters=line.parameters, cases=cases, kind=line.kind)
            for name, line in names.items()
        }
        loads = {name: replace(one, load="") for name, one in head.items()}  # another load is foreign
        return unlike(against, loads, base)

    def functions(self, line: Line | None) -> CalledFunctions | None:
        """Return the calls by function that were stored with a line; None if there are none."""
        found = read_calls(self._file, line.key, self.machine.python) if line is not None else None
        if found is None:
            return None
        return CalledFunctions(
            found.functions, found.unknown, found.costs if found.machine == self.machine.key else None
        )

    def instructions(self, line: Line | None) -> ExecutedFunctions | None:
        """Return the instructions by function that were stored with a line; None if there are none."""
        return read_instructions(self._file, line.key, self.machine.python) if line is not None else None

    def foreign_instructions(self, measurement: Measurement) -> list[RegressionResult]:
        """Return the result for instructions that the baseline only has of other versions of Python."""
        place = (measurement.nodeid, measurement.name)
        others = [self._machines[key.machine] for key in self._instructed if key[:2] == place]
        return [foreign_instructions(others, self.machine)] if others else []


def _worst(known: Line | None, line: Line) -> Line:
    """Return a line with the worse of each count, so that a lucky count of one machine is not held against another."""
    if known is None:
        return line
    shared = {
        name: count if METRICS[name].is_worse(count, line.counts[name]) else line.counts[name]
        for name, count in known.counts.items()
        if name in line.counts
    }
    return replace(line, counts={**known.counts, **line.counts, **shared})
