"""A duet of bad with another commit: a session of pytest with `--perf-against`, in the checkout of bad."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.bisection.bad_checkout import BadCheckout
from pytest_perfbudget.core.bisection import Estimate
from pytest_perfbudget.core.blame import Blame
from pytest_perfbudget.core.measurement import measurement_id
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import BisectionError, ReportError
from pytest_perfbudget.processes.interruption import interrupt
from pytest_perfbudget.processes.reaped import ReapedProcess
from pytest_perfbudget.report.formats import json

_ERROR: Final = re.compile(r"E  +|ERROR:? |INTERNALERROR>|\w*(Error|Exception): ")
_MOST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class TimedTest:
    """The measurement of the search: the test, and the name of the measurement within the test."""

    nodeid: str
    name: str

    def __str__(self) -> str:
        """Return the name as reports have it."""
        return measurement_id(self.nodeid, self.name)


@dataclass(frozen=True, slots=True)
class Duet:
    """The outcome of a duet for one measurement.

    Attributes:
        estimate: how much slower bad is than the commit; None if the two could not be compared.
        reason: the reason why they could not be compared; empty if they were.
        is_new: whether the commit does not have the test.
        blamed: the functions that are slower in bad.
    """

    estimate: Estimate | None
    reason: str = ""
    is_new: bool = False
    blamed: tuple[Blame, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """The outcome of a session.

    Attributes:
        duets: the outcome for each measurement of the test; empty if bad has no measurement.
        folder: pytest's root folder, from the top of the repository.
        problem: the last line in which pytest named an error; its last line if it named none.
    """

    duets: dict[TimedTest, Duet]
    folder: str
    problem: str

    def of(self, test: TimedTest) -> Duet:
        """Return the outcome for a measurement."""
        return self.duets.get(test) or Duet(
            None, self.problem if not self.duets else "the test has no such measurement there"
        )

    def choose(self, name: str | None) -> TimedTest:
        """Return the measurement to search for: the named one, or the one that is most surely slower in bad.

        Raises:
            BisectionError: there is none, or none of the name.
        """
        named = {one: duet for one, duet in self.duets.items() if name is None or one.name == name}
        if not named:
            known = ", ".join(dict.fromkeys(repr(one.name) for one in self.duets))
            message = f"--name: the test has no measurement {name!r}, but {known}"
            raise BisectionError(message)
        return max(named, key=lambda one: -math.inf if (found := named[one].estimate) is None else found.lower)


def run_duet(bad: BadCheckout, test: str, commit: str) -> Session:
    """Compare bad with a commit in a session of pytest.

    Args:
        bad: the checkout of bad.
        test: the test as an argument of pytest.
        commit: the hash of the commit.
    """
    report, log = bad.scratch / "report.json", bad.scratch / "log"
    report.unlink(missing_ok=True)
    words = [bad.python, "-m", "pytest", test, f"--perf-against={commit}", f"--perf-output=json:{report}"]
    # A limit that does not hold in bad is no reason to stop, and the user's history is not that of bad.
    words += ["--perf-gate=warn", f"--perf-history={bad.scratch / 'history.db'}", "-p", "no:cacheprovider"]
    with log.open("wb") as output, closing(ReapedProcess(words, bad.folder, bad.environment, output)) as pytest:
        try:
            pytest.process.wait()
        except BaseException:
            interrupt(pytest.process)
            raise
    problem = _problem(log.read_text("utf-8", "replace").replace(f"{bad.tree}/", ""))
    result = None
    with suppress(FileNotFoundError, ReportError):
        result = json.parse(report.read_text("utf-8"), str(report))
    if result is None:
        return Session({}, "", problem)
    return Session(dict(_duets(result)), result.session.folder, problem)


def _duets(result: RunResult) -> Iterator[tuple[TimedTest, Duet]]:
    for measurement in result.measurements:
        for change in measurement.changes:
            if change.metric != TIME.name:
                continue
            is_new = change.verdict is RegressionVerdict.NEW
            try:
                found = Duet(Estimate.from_result(change), blamed=tuple(change.blamed))
            except ValueError:
                found = Duet(None, change.reason or change.verdict.value, is_new)
            yield TimedTest(measurement.nodeid, measurement.name), found


def _problem(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    named = [line for line in lines if _ERROR.match(line)]
    raised = [line for line in named if line.startswith("E ")]  # before the errors that follow from the exception
    last = (raised or named or lines or ["pytest said nothing"])[-1]
    return re.sub(r"^(E|ERROR:?|INTERNALERROR>)\s+", "", last)[:_MOST_WORDS]


def test_argument(bad: BadCheckout, session: Session, test: TimedTest) -> str:
    """Return a test as an argument of pytest in the folder of the checkout."""
    return str(Path(bad.tree, session.folder, test.nodeid))
