"""The confirmation of the baseline's suspects by a duet with the commit at which the baseline was made."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pytest_perfbudget.compare.baseline_commits import BaselineCommits
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides, blamed
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.progress import Pace, note_screened
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.culprits import with_other_code
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.errors import PerfBudgetError, WorkerError

_BEYOND_WEATHER: Final = math.log(1.5)
"""The slowdown of a session, in log time, that weather or the level of memory hardly explains."""

_CLEARLY: Final = 2.0
_CLEAR_LEVEL: Final = 0.05
"""The slowdown of a session, as a multiple of the limit, and the level below which its p-value has to be, from which
fresh pairs measure without a screening pair before."""


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
    """The duets with the commits of the baseline's lines; each commit is checked out when it is first needed.

    Args:
        context: the session.
        commits: what is known of these commits.
    """

    def __init__(self, context: ComparisonContext, commits: BaselineCommits) -> None:
        self._context = context
        self._commits = commits
        self._known: dict[str, PairRunner] = {}
        self._running = ExitStack()
        self._shared_commit = ""
        self._screened_tests: Collection[str] = ()
        self._screening: PairRunner | None = None

    def begin(self, tests: Mapping[str, Collection[str]]) -> None:
        """Choose the tests that one pair of processes will screen: those of the commit that most lines have.

        Args:
            tests: the tests that will run, by the commit of their lines.
        """
        tests = {commit: one for commit, one in tests.items() if not self._commits.why_impossible(commit)}
        commit = max(tests, key=lambda one: len(tests[one]), default="")
        if len(tests.get(commit, ())) > 1:  # a pair that measures one test is a fresh pair, which tells more
            self._shared_commit, self._screened_tests = commit, tests[commit]

    def start(self) -> None:
        """Start the screening pair before the first test, whose fixtures may watch for new processes."""
        if self._screened_tests:
            try:
                self._screening = self._pairs({self._shared_commit})
                self._screening.start(list(self._screened_tests))
            except PerfBudgetError:  # told with the first suspect
                self._screened_tests = ()

    def prepare(self, done: Collection[str], *, is_last: bool) -> None:
        """See `PairRunner.prepare`; the tests are those that the screening pair has, or none after a failure."""
        if self._screening is not None:
            self._screening.prepare(list(self._screened_tests), done, is_last=is_last)

    def end_screening(self) -> None:
        """End the screening pair; later suspects are measured by fresh pairs only."""
        self._screened_tests = ()
        for pairs in self._known.values():
            pairs.end_screening()

    def close(self) -> None:
        """End all processes, and remove the checkouts."""
        self._running.close()

    def confirm(
        self, asked: CommitDuet, suspects: Mapping[str, UnpairedSlowdownTest], grown: Mapping[str, float]
    ) -> Confirmation:
        """Measure a test with the screening pair, and with fresh pairs until each of its suspects is decided.

        The screening pair, which lives as long as the session, clears most tests whose time has not changed, and takes
        a third of the time of a fresh pair.

        Args:
            asked: the test.
            suspects: the measurements whose time is suspect.
            grown: the measurements with a grown count, each with the growth that is allowed.
        """
        try:
            pairs = self._pairs(asked.commits)
        except Exception as error:  # noqa: BLE001 - the test is still running, and may have patched any function
            problem = str(error) or type(error).__name__
            if len(asked.commits) == 1 and isinstance(error, PerfBudgetError):
                self._commits.note_impossible(next(iter(asked.commits)), problem)
            return Confirmation(problem=problem)
        paired = {name: _in_pairs(slowdown_test) for name, slowdown_test in suspects.items()}
        task = _task(asked, paired)
        needs_fresh = bool(grown) or any(map(_is_clearly_slower, suspects.values()))
        pace = Pace()
        with pace.step():
            screened = {} if needs_fresh else self._screened(pairs, task, asked)
        cleared: dict[str, RegressionResult] = {}
        for name, pair in screened.items():
            test = PairedSlowdownTest(paired[name].tolerance, paired[name].alpha)
            if test.is_suspect(pair):
                paired[name] = test.after(pair)
            else:
                cleared[name] = replace(test.screened(pair), in_pairs=True)
                del paired[name]
        seen: dict[str, list[Sides]] = {}
        measure = partial(_measure, pairs, task, asked.base, seen)
        step_s = pairs.fresh_start_s + pace.last_s if screened else 0.0
        found = confirm(self._context, asked.nodeid, paired, grown, measure, step_s=step_s, noun="fresh pair")
        times = {
            name: _explained(result, seen.get(name, []), suspects[name], pairs.changed_functions)
            for name, result in found.times.items()
        }
        return replace(found, times=cleared | times)

    def _screened(self, pairs: PairRunner, task: PairTask, asked: CommitDuet) -> Mapping[str, Pair]:
        """Return the times of a test on both sides by the screening pair; empty if that pair cannot measure them."""
        if asked.nodeid not in self._screened_tests or {*asked.commits} != {self._shared_commit}:
            return {}
        self._context.stop_timeout()
        note_screened(self._context.progress, asked.nodeid, self._shared_commit)
        try:
            return pairs.screen(task, list(self._screened_tests)).runs
        except WorkerError:
            self._screened_tests = ()  # fresh pairs say what is wrong
            return {}
        except Exception:  # noqa: BLE001 - the test is still running, and may have patched any function
            return {}
        finally:
            self._context.progress.clear()

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
            GitError: see `BaselineCommits.base`.
            ComparisonError: the commit cannot be checked out.
        """
        base = self._commits.base(commits)
        if base.commit not in self._known:
            pairs = PairRunner(self._context, base, only_times=True)
            self._running.callback(pairs.close)
            pairs.open(())
            self._known[base.commit] = pairs
        return self._known[base.commit]


def _task(asked: CommitDuet, tests: Mapping[str, PairedSlowdownTest]) -> PairTask:
    return replace(
        PairTask.of(asked.nodeid, asked.measurements, asked.seconds, asked.unpinned),
        rules={name: one.rules for name, one in tests.items()},
    )


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
    is_timed: bool,
    needs_new: bool,
) -> Attempt[Pair]:
    """Measure a test with a fresh pair; the head's counts are compared with the baseline's, as in the session.

    Reports show the calls and the rounds of both sides, which the baseline does not have.
    """
    found = pairs.measure(task, own_file_only=own_file_only, counting=counting, is_timed=is_timed, needs_new=needs_new)
    for name, one in found.sides.items():
        seen.setdefault(name, []).append(one)
    sides = {
        name: Sides(one.head, replace(base[name], graph=one.base.graph, rounds=one.base.rounds))
        for name, one in found.sides.items()
        if name in base
    }
    return replace(found, sides=sides)


def _explained(
    result: RegressionResult,
    seen: Sequence[Sides],
    slowdown_test: UnpairedSlowdownTest,
    changed_functions: Callable[[], Sequence[str]],
) -> RegressionResult:
    """Return the result of a paired comparison, which says what can be known of its cause.

    A regression names the functions whose code became slower. Where pairs do not confirm a slowdown that no weather
    explains, something other than the code has changed.
    """
    result = replace(result, in_pairs=True)
    if result.verdict is RegressionVerdict.REGRESSED:
        profiled = {name for one in seen for name in one.head.functions}
        return replace(result, blamed=with_other_code(blamed(seen, result), changed_functions, profiled))
    if result.verdict is RegressionVerdict.UNCONFIRMED and _is_beyond_weather(slowdown_test):
        return replace(result, reason=_surroundings(_here(slowdown_test), result))
    return result


def _here(slowdown_test: UnpairedSlowdownTest) -> float:
    """Return the slowdown in the session, in log time."""
    screening = slowdown_test.screening
    return slowdown_test.effect([screening]).log_ratio if screening is not None else 0.0


def _is_clearly_slower(slowdown_test: UnpairedSlowdownTest) -> bool:
    """Return whether the session's run, which has more calls than a screening pair, is clearly slower.

    Code that is slower in its later calls, or after other tests, must not be cleared by a few calls in a process that
    has not run these tests.
    """
    if slowdown_test.screening is None:
        return False
    found = slowdown_test.effect([slowdown_test.screening])
    return found.log_ratio > _CLEARLY * slowdown_test.limit and found.p_slower < _CLEAR_LEVEL


def _is_beyond_weather(slowdown_test: UnpairedSlowdownTest) -> bool:
    return _here(slowdown_test) > _BEYOND_WEATHER


def _surroundings(log_ratio: float, result: RegressionResult) -> str:
    here, beside = 100 * math.expm1(log_ratio), 100 * ((result.ratio or 1) - 1)
    return (
        f"{here:+.0f} % in this session, but {beside:+.1f} % in fresh pairs of processes beside the commit of the "
        "baseline: what both commits share is slower here, such as libraries, data, settings, or the machine"
    )
