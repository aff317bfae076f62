"""Runs real sessions of pytest over the workloads, clean and slowed down, and gathers what the gate said."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.git import git

_SLOWDOWNS: Final = "slowdowns.json"

_TESTS: Final = """
import json
from pathlib import Path

import pytest

from {module} import WORKLOADS, workload

SLOWDOWNS = json.loads(Path(__file__).with_name('{slowdowns}').read_text('utf-8'))


@pytest.mark.perf_budget
@pytest.mark.parametrize('name', WORKLOADS)
def test_workload(name, perf):
    perf(workload(name, SLOWDOWNS.get(name, 0.0)), name='work')
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What a session said of the time of one workload.

    Attributes:
        workload: its name.
        slowdown: the share of work that was added; 0 for none.
        standing: `regressed`, `unchanged`, ...
        ratio: what the gate took the change for; None if there is no number.
        error: the standard error of its logarithm, from the interval that was shown; None likewise.
        fresh: fresh processes, or pairs of them, that were started for it.
    """

    workload: str
    slowdown: float
    verdict: str
    ratio: float | None
    error: float | None
    fresh: int


@dataclass(frozen=True, slots=True)
class Session:
    """One session: its cases, how long it took, and whether it failed."""

    cases: tuple[Case, ...]
    elapsed_s: float
    failed: bool


class Trial(ABC):
    """A project of the workloads in a folder of its own.

    Args:
        folder: an empty one.
        max_regression: as in pyproject.toml; the default if empty.
        baseline_runs: as in pyproject.toml; the default if 0.
        module: where the workloads are.
        settings: further lines of pyproject.toml's [tool.perfbudget].
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_regression: str = "",
        baseline_runs: int = 0,
        module: str = "pytest_perfbudget.doctor.workloads",
        settings: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._names = importlib.import_module(module).WORKLOADS
        lines = [f'max_regression = "{max_regression}"'] if max_regression else []
        lines += [f"baseline_runs = {baseline_runs}"] if baseline_runs else []
        (folder / "pyproject.toml").write_text("\n".join(["[tool.perfbudget]", *lines, *settings, ""]), "utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
        (folder / "test_workloads.py").write_text(_TESTS.format(module=module, slowdowns=_SLOWDOWNS), "utf-8")
        (folder / _SLOWDOWNS).write_text("{}", "utf-8")

    @abstractmethod
    def prepare(self) -> float | None:
        """Make anew what sessions are compared with; return the seconds it took, None if it takes none."""

    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """Return what compares, for the command line."""

    def commit(self) -> None:
        """Commit the project as it is, with nothing slowed down; the first time only."""
        if (self._folder / ".git").exists():
            return
        git(self._folder, "init", "--quiet")
        git(self._folder, "add", "--all")
        identity = ("-c", "user.name=doctor", "-c", "user.email=doctor@localhost", "-c", "commit.gpgSign=false")
        git(self._folder, *identity, "commit", "--quiet", "--no-verify", "--message=as it was")

    def session(self, slowdowns: Mapping[str, float]) -> Session:
        """Run a session with some workloads slowed down, the others as they were."""
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
        # Other plugins have no part in it; ours is loaded by name.
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        plugins = ["-p", "pytest_perfbudget.plugin.hooks", "-p", "no:cacheprovider"]
        start_s = time.monotonic()
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pytest", "-q", *plugins, *arguments],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if ended.returncode not in (0, 1):
            last = (ended.stdout + ended.stderr).strip().splitlines()[-1:]
            message = f"doctor: pytest ended with {ended.returncode}: {''.join(last)}"
            raise PerfBudgetError(message)
        return time.monotonic() - start_s, ended.returncode


class BaselineTrial(Trial):
    """Compares with a committed baseline."""

    def prepare(self) -> float:
        """Make the baseline anew."""
        (self._folder / "perf-baseline.json").unlink(missing_ok=True)
        elapsed_s, _ = self._pytest({}, "--perf-update-baseline", "--perf-gate=warn")
        return elapsed_s

    def arguments(self) -> Sequence[str]:
        """See `Trial.arguments`: the baseline is found by itself."""
        return ()


class DuetTrial(Trial):
    """Compares with the first commit, in which nothing is slowed down."""

    def prepare(self) -> None:
        """See `Trial.prepare`: the commit stays the same."""
        self.commit()

    def arguments(self) -> Sequence[str]:
        """See `Trial.arguments`."""
        return ["--perf-against=HEAD"]


def _case(entry: Mapping[str, Any], slowdowns: Mapping[str, float]) -> Case:
    name = entry["nodeid"].partition("[")[2].removesuffix("]")
    change = next(one for one in entry["changes"] if one["metric"] == "time")
    return Case(
        name, slowdowns.get(name, 0.0), change["verdict"], change["ratio"], change["log_std_error"], change["runs"]
    )
