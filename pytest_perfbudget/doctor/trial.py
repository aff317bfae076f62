"""The trial of the gate: real sessions of pytest over the workloads, clean and slowed down, and the gate's verdicts."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.command import run
from pytest_perfbudget.core.metrics import INSTRUCTIONS, TIME
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.git import git

_SLOWDOWNS: Final = "slowdowns.json"

_TESTS: Final = """
import json
from pathlib import Path

import pytest

from {module} import workload

SLOWDOWNS = json.loads(Path(__file__).with_name('{slowdowns}').read_text('utf-8'))


@pytest.mark.perf_budget
@pytest.mark.parametrize('name', {names!r})
def test_workload(name, perf):
    perf(workload(name, SLOWDOWNS.get(name, 0.0)), name='work')
"""


@dataclass(frozen=True, slots=True)
class Case:
    """The result of a session for one workload.

    Attributes:
        workload: the name of the workload.
        slowdown: the share of work that was added; 0 if no work was added.
        verdict: the verdict on the time: `regressed`, `unchanged`, ...
        ratio: the measured ratio of the times; None if there is no number.
        error: the standard error of the ratio's logarithm; None if there is no number.
        fresh: the number of fresh processes, or pairs of them, that measured the workload again.
        instructions: the verdict on the bytecode instructions; empty if they are not compared.
    """

    workload: str
    slowdown: float
    verdict: str
    ratio: float | None
    error: float | None
    fresh: int
    instructions: str = ""

    @property
    def is_red(self) -> bool:
        """Whether a number of the workload regressed."""
        return RegressionVerdict.REGRESSED.value in (self.verdict, self.instructions)


@dataclass(frozen=True, slots=True)
class Session:
    """One session: its cases, its duration, and whether it failed."""

    cases: tuple[Case, ...]
    elapsed_s: float
    failed: bool


class Trial(ABC):
    """A project with the workloads in a folder of its own.

    Args:
        folder: an empty folder.
        max_regression: the setting in pyproject.toml; if empty, the default holds.
        baseline_runs: the setting in pyproject.toml; if 0, the default holds.
        module: the name of the module with the workloads.
        workloads: the names of the workloads; if empty, all workloads of the module.
        settings: further lines of [tool.perfbudget] in pyproject.toml.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_regression: str = "",
        baseline_runs: int = 0,
        module: str = "pytest_perfbudget.doctor.workloads",
        workloads: Sequence[str] = (),
        settings: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._names = list(workloads or importlib.import_module(module).WORKLOADS)
        lines = [f'max_regression = "{max_regression}"'] if max_regression else []
        lines += [f"baseline_runs = {baseline_runs}"] if baseline_runs else []
        (folder / "pyproject.toml").write_text("\n".join(["[tool.perfbudget]", *lines, *settings, ""]), "utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
        tests = _TESTS.format(module=module, names=self._names, slowdowns=_SLOWDOWNS)
        (folder / "test_workloads.py").write_text(tests, "utf-8")
        (folder / _SLOWDOWNS).write_text("{}", "utf-8")

    @abstractmethod
    def prepare(self) -> float | None:
        """Renew the other side of the comparison, and return the seconds this took; None if there is nothing to do."""

    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """Return the command-line arguments that choose the comparison."""

    def commit(self) -> None:
        """Commit the project as it is, without slowdowns; only the first call makes a commit."""
        if (self._folder / ".git").exists():
            return
        git(self._folder, "init", "--quiet")
        git(self._folder, "add", "--all")
        identity = ("-c", "user.name=doctor", "-c", "user.email=doctor@localhost", "-c", "commit.gpgSign=false")
        git(self._folder, *identity, "commit", "--quiet", "--no-verify", "--message=as it was")

    def session(self, slowdowns: Mapping[str, float]) -> Session:
        """Run a session with some workloads slowed down and the others unchanged."""
        elapsed_s, code = self._pytest(slowdowns, "--perf-output=report.json", *self.arguments())
        document = json.loads((self._folder / "report.json").read_text("utf-8"))
        cases = tuple(_case(entry, slowdowns) for entry in document["measurements"])
        if len(cases) != len(self._names):
            message = f"doctor: a session measured {len(cases)} of {len(self._names)} workloads"
            raise PerfBudgetError(message)
        return Session(cases, elapsed_s, code != 0)

    def _pytest(self, slowdowns: Mapping[str, float], *arguments: str) -> tuple[float, int]:
        (self._folder / _SLOWDOWNS).write_text(json.dumps(dict(slowdowns)), "utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        # Other plugins must not affect the trial; this plugin is loaded by name.
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        plugins = ["-p", "pytest_perfbudget.plugin.hooks", "-p", "no:cacheprovider"]
        start_s = time.monotonic()
        words = [sys.executable, "-m", "pytest", "-q", *plugins, *arguments]
        ended = run(words, self._folder, environment=environment)
        if ended.code not in (0, 1):
            message = f"doctor: pytest ended with {ended.code}: {ended.last_line('')}"
            raise PerfBudgetError(message)
        return time.monotonic() - start_s, ended.code


class BaselineTrial(Trial):
    """A trial of the comparison with the baseline."""

    def prepare(self) -> float:
        """Remove the baseline and make a new baseline, at a commit, so that a duet can confirm."""
        self.commit()
        (self._folder / "perf-baseline.json").unlink(missing_ok=True)
        elapsed_s, _ = self._pytest({}, "--perf-update-baseline", "--perf-gate=warn")
        return elapsed_s

    def arguments(self) -> Sequence[str]:
        """See `Trial.arguments`: the plugin finds the baseline without an argument."""
        return ()


class DuetTrial(Trial):
    """A trial of the comparison with another commit: the first commit, in which nothing is slowed down."""

    def prepare(self) -> None:
        """See `Trial.prepare`: the commit stays the same."""
        self.commit()

    def arguments(self) -> Sequence[str]:
        """See `Trial.arguments`."""
        return ["--perf-against=HEAD"]


def _case(entry: Mapping[str, Any], slowdowns: Mapping[str, float]) -> Case:
    name = entry["nodeid"].partition("[")[2].removesuffix("]")
    changes = {one["metric"]: one for one in entry["changes"]}
    change, instructions = changes[TIME.name], changes.get(INSTRUCTIONS.name, {}).get("verdict", "")
    numbers = change["ratio"], change.get("log_std_error"), change["runs"]
    return Case(name, slowdowns.get(name, 0.0), change["verdict"], *numbers, instructions)
