"""Confirms what looks slower than the baseline by a duet with the commit that the baseline was made at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_perfbudget.baseline.commit import DIRTY
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.pair_runner import PairRunner, PairTask
from pytest_perfbudget.core.counts import gained_functions
from pytest_perfbudget.core.paired import Pair, PairedSlowdownTest, PairRecording
from pytest_perfbudget.core.results import Measurement, Recording, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.processes.duet import TIMERS

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


class BaselineCommitDuet:
    """The commits that lines of the baseline were made at, checked out when they are first needed."""

    def __init__(self, session: PerfSession) -> None:
        self._session = session
        self._known: dict[str, PairRunner] = {}
        self._running = ExitStack()

    def close(self) -> None:
        """Remove the checkouts."""
        self._running.close()

    def confirm(
        self,
        nodeid: str,
        commits: set[str],
        measurements: Sequence[Measurement],
        *,
        suspects: Mapping[str, UnpairedSlowdownTest],
        grown: Mapping[str, Callable[[Recording], bool]],
        seconds: float,
        unpinned: Collection[str] = (),
    ) -> Confirmation[Recording]:
        """Measure a test by fresh pairs until each of its suspects is decided.

        Args:
            nodeid: the test.
            commits: those that its suspects' lines were made at.
            measurements: all of the test's.
            suspects: the measurements whose time is suspect.
            grown: those of which a count is, with what tells whether a recording shows it.
            seconds: how long a measurement may take.
            unpinned: those that may use all CPUs.
        """
        try:
            pairs = self._pairs(commits)
        except Exception as error:  # noqa: BLE001 - the test may have replaced anything, and is still at it
            return Confirmation({}, [], str(error))
        turned = {one.name: TIMERS if one.kind == "timer" else one.name for one in measurements}
        part = PairTask(nodeid, list(turned.values()), seconds, [turned[name] for name in unpinned])
        slowdown_tests = {name: _in_pairs(slowdown_test) for name, slowdown_test in suspects.items()}
        seen: dict[str, list[PairRecording]] = {}
        found = confirm(self._session, nodeid, slowdown_tests, grown, partial(_measure, pairs, part, seen))
        times = {name: _explained(change, seen.get(name, [])) for name, change in found.times.items()}
        return replace(found, times=times)

    def _pairs(self, commits: set[str]) -> PairRunner:
        """Return what makes pairs with the one commit.

        Raises:
            GitError: there is none, or git does not have it.
            UsageError: it cannot be checked out.
        """
        made = ", ".join(sorted(commits))
        if any(one.endswith(DIRTY) for one in commits):
            message = f"the baseline was made with changes that are in no commit ({made}): commit, and make it anew"
            raise GitError(message)
        if len(commits) != 1 or not made:
            message = f"the baseline was not made at one commit ({made or 'none'})"
            raise GitError(message)
        (commit,) = commits
        if commit not in self._known:
            pairs = PairRunner(self._session, find_base(self._session.config.rootpath, commit))
            self._running.callback(pairs.close)
            pairs.open(())
            self._known[commit] = pairs
        return self._known[commit]


def _in_pairs(slowdown_test: UnpairedSlowdownTest) -> PairedSlowdownTest:
    """Return what is asked of pairs: the run that was suspect counts as one of them where it may."""
    asked = PairedSlowdownTest(slowdown_test.share, slowdown_test.alpha)
    if slowdown_test.screening is None:
        return asked
    found = slowdown_test.effect([slowdown_test.screening])
    return asked.after(Pair(found.log_ratio, found.std_error, slowdown_test.reference.time_ns))


def _measure(
    pairs: PairRunner, part: PairTask, seen: dict[str, list[PairRecording]], *, alone: bool
) -> Attempt[Pair, Recording]:
    found = pairs.measure(part, alone=alone)
    for name, both in found.counts.items():
        seen.setdefault(name, []).append(both)
    return Attempt(found.runs, {name: both.head for name, both in found.counts.items()}, found.problem)


def _explained(change: RegressionResult, seen: Sequence[PairRecording]) -> RegressionResult:
    """Say where a slowdown is."""
    if change.verdict is not RegressionVerdict.REGRESSED:
        return replace(change, in_pairs=True)
    slower_ns = (change.after or 0) - (change.before or 0)
    grown = gained_functions([one.base for one in seen], [one.head for one in seen], slower_ns)
    return replace(change, in_pairs=True, grown=grown)
