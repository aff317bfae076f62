"""The confirmation of the baseline's suspects by a duet with the commit at which the baseline was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from pytest_perfbudget.baseline.commit import DIRTY
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides, blamed
from pytest_perfbudget.compare.pair_runner import PairRunner, PairTask
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.errors import GitError


@dataclass(frozen=True)
class CommitDuet:
    """A test whose suspects a duet confirms.

    Attributes:
        nodeid: the test.
        commits: the commits at which the baseline's lines of the suspects were made.
        measurements: all measurements of the test.
        seconds: the time that each measurement may take.
        unpinned: the measurements that may use all CPUs.
        base: the counts of the baseline, by measurement.
    """

    nodeid: str
    commits: Collection[str]
    measurements: Sequence[Measurement]
    seconds: float
    unpinned: Collection[str]
    base: Mapping[str, Recording]


class BaselineCommitDuet:
    """The duets with the commits of the baseline's lines; each commit is checked out when it is first needed."""

    def __init__(self, context: ComparisonContext) -> None:
        self._context = context
        self._known: dict[str, PairRunner] = {}
        self._impossible: set[str] = set()
        self._running = ExitStack()

    def close(self) -> None:
        """Remove the checkouts."""
        self._running.close()

    def may_confirm(self, commit: str) -> bool:
        """Return whether a duet with a commit may be possible, as far as this session knows."""
        return bool(commit) and not commit.endswith(DIRTY) and commit not in self._impossible

    def confirm(
        self, asked: CommitDuet, suspects: Mapping[str, UnpairedSlowdownTest], grown: Mapping[str, float]
    ) -> Confirmation:
        """Measure a test with fresh pairs until each of its suspects is decided.

        Args:
            asked: the test.
            suspects: the measurements whose time is suspect.
            grown: the measurements with a grown count, each with the growth that is allowed.
        """
        try:
            pairs = self._pairs(asked.commits)
        except Exception as error:  # noqa: BLE001 - the test is still running, and may have patched any function
            self._impossible.update(asked.commits)
            return Confirmation(problem=str(error))
        task = PairTask.of(asked.nodeid, asked.measurements, asked.seconds, asked.unpinned)
        paired = {name: _in_pairs(slowdown_test) for name, slowdown_test in suspects.items()}
        seen: dict[str, list[Sides]] = {}
        found = confirm(self._context, asked.nodeid, paired, grown, partial(_measure, pairs, task, asked.base, seen))
        times = {name: _explained(result, seen.get(name, [])) for name, result in found.times.items()}
        return replace(found, times=times)

    def record_spans(self, asked: CommitDuet) -> Attempt[Pair]:
        """Measure a test with a pair that records spans; see `PairRunner.record_spans`.

        Raises:
            PerfBudgetError: there are no measurements.
        """
        task = PairTask.of(asked.nodeid, asked.measurements, asked.seconds, asked.unpinned)
        return self._pairs(asked.commits).record_spans(task)

    def _pairs(self, commits: Collection[str]) -> PairRunner:
        """Return the runner of pairs for the commit that all lines were made at.

        Raises:
            GitError: the lines were not made at one commit without further changes, or git does not have the commit.
            ComparisonError: the commit cannot be checked out.
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
            pairs = PairRunner(self._context, find_base(self._context.root, commit))
            self._running.callback(pairs.close)
            pairs.open(())
            self._known[commit] = pairs
        return self._known[commit]


def _in_pairs(slowdown_test: UnpairedSlowdownTest) -> PairedSlowdownTest:
    """Turn the test against the baseline into a paired test; the suspect run becomes its screening result."""
    paired = PairedSlowdownTest(slowdown_test.tolerance, slowdown_test.alpha, is_screened_by_pair=False)
    if slowdown_test.screening is None:
        return paired
    found = slowdown_test.effect([slowdown_test.screening])
    return paired.after(Pair(found.log_ratio, found.std_error, slowdown_test.reference.time_ns))


def _measure(
    pairs: PairRunner,
    task: PairTask,
    base: Mapping[str, Recording],
    seen: dict[str, list[Sides]],
    *,
    own_file_only: bool,
    counting: Counting,
) -> Attempt[Pair]:
    """Measure a test with a fresh pair; the head's counts are compared with the baseline's, as in the session.

    Reports show the calls and the rounds of both sides, which the baseline does not have.
    """
    found = pairs.measure(task, own_file_only=own_file_only, counting=counting)
    for name, one in found.sides.items():
        seen.setdefault(name, []).append(one)
    sides = {
        name: Sides(one.head, replace(base[name], graph=one.base.graph, rounds=one.base.rounds))
        for name, one in found.sides.items()
        if name in base
    }
    return replace(found, sides=sides)


def _explained(result: RegressionResult, seen: Sequence[Sides]) -> RegressionResult:
    """Return the result of a paired comparison; a regression also names the functions whose code became slower."""
    is_slower = result.verdict is RegressionVerdict.REGRESSED
    return replace(result, in_pairs=True, blamed=blamed(seen, result) if is_slower else ())
