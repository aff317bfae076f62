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
from pytest_perfbudget.compare.pair_runner import Pairs, Part
from pytest_perfbudget.core.counts import gained_functions
from pytest_perfbudget.core.paired import Both, DuetQuestion, Pair
from pytest_perfbudget.core.results import Change, Measurement, Recording, Standing
from pytest_perfbudget.core.unpaired import BaselineQuestion
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.processes.duet import TIMERS

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


class Original:
    """The commits that lines of the baseline were made at, checked out when they are first needed."""

    def __init__(self, session: PerfSession) -> None:
        self._session = session
        self._known: dict[str, Pairs] = {}
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
        suspects: Mapping[str, BaselineQuestion],
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
        part = Part(nodeid, list(turned.values()), seconds, [turned[name] for name in unpinned])
        questions = {name: _in_pairs(question) for name, question in suspects.items()}
        seen: dict[str, list[Both]] = {}
        found = confirm(self._session, nodeid, questions, grown, partial(_measure, pairs, part, seen))
        times = {name: _explained(change, seen.get(name, [])) for name, change in found.times.items()}
        return replace(found, times=times)

    def _pairs(self, commits: set[str]) -> Pairs:
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
            pairs = Pairs(self._session, find_base(self._session.config.rootpath, commit))
            self._running.callback(pairs.close)
            pairs.open(())
            self._known[commit] = pairs
        return self._known[commit]


def _in_pairs(question: BaselineQuestion) -> DuetQuestion:
    """Return what is asked of pairs: the run that was suspect counts as one of them where it may."""
    asked = DuetQuestion(question.share, question.alpha)
    if question.screening is None:
        return asked
    found = question.difference([question.screening])
    return asked.after(Pair(found.log_ratio, found.error, question.reference.time_ns))


def _measure(pairs: Pairs, part: Part, seen: dict[str, list[Both]], *, alone: bool) -> Attempt[Pair, Recording]:
    found = pairs.measure(part, alone=alone)
    for name, both in found.counts.items():
        seen.setdefault(name, []).append(both)
    return Attempt(found.runs, {name: both.head for name, both in found.counts.items()}, found.problem)


def _explained(change: Change, seen: Sequence[Both]) -> Change:
    """Say where a slowdown is."""
    if change.standing is not Standing.REGRESSED:
        return replace(change, in_pairs=True)
    slower_ns = (change.after or 0) - (change.before or 0)
    grown = gained_functions([one.base for one in seen], [one.head for one in seen], slower_ns)
    return replace(change, in_pairs=True, grown=grown)
