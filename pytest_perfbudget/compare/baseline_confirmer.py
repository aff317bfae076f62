"""The choice of who confirms a suspect of the baseline: pairs beside the baseline's commit, or fresh processes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pytest_perfbudget.baseline.schema import Line
from pytest_perfbudget.compare.baseline_commit import BaselineCommitDuet, CommitDuet
from pytest_perfbudget.compare.baseline_commits import BaselineCommits
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.reference import Estimate
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest


class BaselineConfirmer:
    """The confirmation of what looks worse than the baseline.

    Args:
        context: the session.
        file: the file of the baseline.
        machine: the key of this machine.
    """

    def __init__(self, context: ComparisonContext, file: Path, machine: str) -> None:
        self._context = context
        self._choice = context.settings.confirm
        self._commits = BaselineCommits(context, file, machine)
        self._pairs = BaselineCommitDuet(context, self._commits)
        self._confirmed_in_pairs: dict[str, CommitDuet] = {}

    def begin(self, lines: Iterable[Line]) -> None:
        """Find out whether pairs can confirm, before a running test may have patched any function.

        Args:
            lines: the lines of this machine of the tests that will run.
        """
        tests: dict[str, dict[str, None]] = {}
        for line in lines:
            if not line.load:  # pairs confirm few loads
                tests.setdefault(line.commit, {})[line.key.test] = None
        if self._choice != "runs":
            self._pairs.begin(tests)
        if self._choice == "auto" and tests:
            self._commits.why_blind()

    def remark(self, lines: Sequence[Line]) -> str:
        """Return a note on the lines that pairs cannot confirm, of a project in git; empty if there are none."""
        if self._choice == "runs":
            return ""
        reasons = [why for line in lines if line.commit and (why := self._commits.why_impossible(line.commit))]
        if not reasons:
            return ""
        number = "each number" if len(reasons) == len(lines) else f"{len(reasons)} of {len(lines)} numbers"
        return f"Without pairs, which find more and err less, for {number} of the baseline: {reasons[0]}."

    def start(self) -> None:
        """Start the processes that live as long as the session, before the first test."""
        self._pairs.start()

    def prepare(self, done: Collection[str], *, is_last: bool) -> None:
        """See `PairRunner.prepare`."""
        self._pairs.prepare(done, is_last=is_last)

    def end_screening(self) -> None:
        """End the processes that live as long as the session, which may hold what exists only once."""
        self._pairs.end_screening()

    def close(self) -> None:
        """End all processes, and remove the checkouts."""
        self._pairs.close()

    def chosen(self, slowdown_test: UnpairedSlowdownTest, line: Line | None) -> UnpairedSlowdownTest:
        """Return a test that pairs confirm if the settings say so, or if they tell more than fresh processes."""
        if self._choice != "auto" or line is None:
            return replace(slowdown_test, in_pairs=self._choice == "duet")
        is_better = slowdown_test.is_uncertain or not line.load
        in_pairs = is_better and not self._commits.why_impossible(line.commit)
        return replace(slowdown_test, in_pairs=in_pairs, then_by_runs=in_pairs and bool(self._commits.why_blind()))

    def in_pairs(self, nodeid: str) -> bool:
        """Return whether pairs have confirmed the suspects of a test."""
        return nodeid in self._confirmed_in_pairs

    def record_spans(self, nodeid: str) -> Attempt[Pair]:
        """See `BaselineCommitDuet.record_spans`; the test is one that pairs have confirmed."""
        return self._pairs.record_spans(self._confirmed_in_pairs[nodeid])

    def confirm(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        known: Mapping[str, KnownData],
        requests: Mapping[str, MeasurementRequest],
        *,
        suspects: Mapping[str, UnpairedSlowdownTest],
        grown: Mapping[str, float],
    ) -> Confirmation:
        """Measure a test again until each of its suspects is decided.

        Pairs measure first where the commit of the baseline is there. If they may be blind for a change, such as that
        of a library, fresh processes measure in addition what pairs do not find slower.

        Args:
            nodeid: the test.
            measurements: all measurements of the test.
            known: the baseline's data, by measurement.
            requests: the requests, by measurement.
            suspects: the measurements whose time is suspect, each after its screening run.
            grown: the measurements with a grown count, each with the growth that is allowed.
        """
        blind = ""
        if self._choice == "auto":  # the test may have imported further code
            self._commits.look_again()
            suspects = {name: self.chosen(one, known[name].line) for name, one in suspects.items()}
            blind = self._commits.why_blind()
        in_pairs, problem = Confirmation(), ""
        if any(one.in_pairs for one in suspects.values()):
            asked = CommitDuet(
                nodeid,
                commits={line.commit for name in suspects if (line := known[name].line) is not None},
                measurements=measurements,
                seconds=max(requests[name].max_time_s for name in suspects),
                unpinned=[name for name in suspects if not requests[name].pin],
                base={name: one.recording() for name, one in known.items()},
            )
            found = self._pairs.confirm(asked, suspects, grown)
            problem = found.problem
            if not problem:
                self._confirmed_in_pairs[nodeid] = asked
                in_pairs = found
                grown = {}
                suspects = {name: one for name, one in suspects.items() if blind and not _is_slower(found.times[name])}
        by_runs = dict(_suspects_of_runs(suspects))
        if self.in_pairs(nodeid) and not by_runs:
            return in_pairs
        found = confirm(self._context, nodeid, by_runs, grown, partial(self._measure, nodeid, known, by_runs))
        times = {name: self._sure(one, by_runs[name], known[name].line, blind) for name, one in found.times.items()}
        lines = [line for name in by_runs if (line := known[name].line) is not None]
        why = problem or next(filter(None, (self._why_not_in_pairs(line, blind) for line in lines)), "")
        note = ""
        if why:
            times = {name: _with_pairs(one, in_pairs.times.get(name), why) for name, one in times.items()}
            note = self._note(times, in_pairs.times, why)
        attempts = [*in_pairs.attempts, *found.attempts]
        return replace(found, times={**in_pairs.times, **times}, attempts=attempts, note=note)

    def _note(self, times: Mapping[str, RegressionResult], in_pairs: Mapping[str, RegressionResult], why: str) -> str:
        """Return what a reader should know of results by fresh processes; empty if the results say so themselves.

        Args:
            times: the results by fresh processes, by measurement.
            in_pairs: the results by pairs, by measurement.
            why: the reason why pairs do not decide.
        """
        slower = [name for name, one in times.items() if _is_slower(one)]
        if not slower and self._choice != "duet":
            return ""
        is_told = any(name in in_pairs and in_pairs[name].ratio for name in slower)
        return "" if is_told else f"confirmed by fresh processes, not by a duet: {why}"

    def _why_not_in_pairs(self, line: Line, blind: str) -> str:
        """Return why fresh processes confirm where pairs would be better; empty if there is no such reason."""
        if self._choice == "runs" or not line.commit:
            return ""
        why = self._commits.why_impossible(line.commit)
        return why if self._choice == "duet" or line.load else why or blind

    def _sure(
        self, change: RegressionResult, slowdown_test: UnpairedSlowdownTest, line: Line | None, blind: str
    ) -> RegressionResult:
        """Return a result that is undecided if only pairs could be sure, and pairs are not possible, or blind."""
        is_doubtful = _is_slower(change) and slowdown_test.may_be_another_level(change.ratio or 1.0)
        if self._choice != "auto" or line is None or not is_doubtful:
            return change
        why = self._commits.why_impossible(line.commit)
        if not (why or blind):
            return change
        found = f"{100 * ((change.ratio or 1) - 1):+.1f} % in {change.runs} fresh processes"
        told = f"pairs would tell, but {why}"
        if not why:
            told = (
                f"pairs, which do not show a slowdown, may not tell: {blind}; update the baseline on a calmer machine"
            )
        differ = "the processes of the baseline differ, so that the time may move by as much"
        reason = f"looked slower, {found}, but {differ}; {told}"
        return replace(change, verdict=RegressionVerdict.UNDECIDED, reason=reason)

    def _measure(
        self,
        nodeid: str,
        known: Mapping[str, KnownData],
        suspects: Mapping[str, UnpairedSlowdownTest],
        *,
        own_file_only: bool,
        counting: Counting,
        is_timed: bool,
        needs_new: bool,
    ) -> Attempt[Estimate]:
        """Measure a test in a fresh process, whose run is so short that an untimed one would gain little."""
        del is_timed, needs_new  # each process is new
        one_cpu = [name for name, one in known.items() if one.one_cpu]
        (answer,) = self._context.launcher.measure(
            [nodeid], own_file_only=own_file_only, counting=counting, one_cpu=one_cpu
        )
        found = [Measurement.from_dict(one) for one in answer.measurements]
        recordings = {one.name: one.recording for one in found if one.recording is not None}
        runs = {
            name: slowdown_test.estimate(recordings[name].blocks)
            for name, slowdown_test in suspects.items()
            if name in recordings and recordings[name].blocks
        }
        sides = {name: known[name].beside(one) for name, one in recordings.items() if name in known}
        return Attempt(runs, sides, problem=answer.problem, is_exclusive=bool(answer.problem and answer.elapsed_s))


def _with_pairs(change: RegressionResult, in_pairs: RegressionResult | None, why: str) -> RegressionResult:
    """Return a slowdown with the reason why fresh processes show it and pairs beside the baseline's commit do not."""
    if not _is_slower(change) or in_pairs is None or not in_pairs.ratio:
        return change
    beside = f"{100 * (in_pairs.ratio - 1):+.1f} % in pairs"
    reason = f"not slower beside the code of the baseline ({beside}), but than its numbers: {why}"
    return replace(change, reason=reason)


def _is_slower(change: RegressionResult | None) -> bool:
    return change is not None and change.verdict is RegressionVerdict.REGRESSED


def _suspects_of_runs(
    suspects: Mapping[str, UnpairedSlowdownTest],
) -> Iterator[tuple[str, UnpairedSlowdownTest]]:
    """Yield the suspects of pairs that are suspects as well if fresh processes confirm."""
    for name, one in suspects.items():
        by_runs = replace(one, in_pairs=False, then_by_runs=False)
        if one.screening is not None and by_runs.is_suspect(one.screening):
            yield name, by_runs
