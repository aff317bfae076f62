"""The comparison with the committed baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_perfbudget.baseline.schema import Baseline, Line
from pytest_perfbudget.compare.baseline_commit import BaselineCommitDuet, CommitDuet
from pytest_perfbudget.compare.baseline_lines import BaselineLines
from pytest_perfbudget.compare.baseline_result import time_result
from pytest_perfbudget.compare.baseline_times import times_since_baseline
from pytest_perfbudget.compare.compared import compared
from pytest_perfbudget.compare.components import ComponentChanges
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Evidence, Origin, Sides
from pytest_perfbudget.compare.instructions import lack_of_instructions
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.compare.strategy import ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.compare.unpaired_components import (
    lack_of_spans,
    since_baseline,
    why_not_recorded,
    with_components,
)
from pytest_perfbudget.compare.versions import with_versions
from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.reference import Estimate
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import BASELINE
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, CanaryBlocks
from pytest_perfbudget.paths import own_modules

_LATE_NOTE: Final = (
    "failed in a fresh process beside the session, so it was confirmed after the last test: what it uses may exist "
    "only once"
)


class BaselineComparison(ComparisonStrategy):
    """The gate of the committed baseline."""

    against = BASELINE
    gone = "in the baseline, but in no collected test: remove the line with --perf-update-baseline --perf-prune"

    def __init__(self, context: ComparisonContext, baseline: Baseline) -> None:
        self._context = context
        self._settings = context.settings
        self._file = context.root / context.settings.baseline
        self._lines = BaselineLines(self._file, baseline)
        self.sharing = 1
        self._commit_duet = BaselineCommitDuet(context, self._file, self._lines.machine.key)
        self._components = ComponentChanges(context)
        self._duets: dict[str, CommitDuet] = {}
        self._late: dict[str, tuple[Sequence[Measurement], Mapping[str, MeasurementRequest]]] = {}

    def begin(self, nodeids: Iterable[str]) -> None:
        """See `ComparisonStrategy.begin`; `alpha` is shared among the measurements of these tests.

        Whether pairs can confirm is found out now, because a running test may have patched any function.
        """
        chosen = set(nodeids)
        timed = [line for line in self._lines.timed() if line.key.test in chosen]
        self.sharing = len(timed)
        if self._settings.confirm == "auto" and timed:
            for commit in {line.commit for line in timed}:
                self._commit_duet.why_impossible(commit)
            self._commit_duet.why_blind()

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""
        self._commit_duet.close()

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """See `ComparisonStrategy.request`."""
        base = MeasurementRequest.from_limits(effective)
        share = base.tolerance.share
        known = self._known(nodeid, name, share, instructions=base.compares_instructions)
        looks_bad = {
            metric: partial(METRICS[metric].is_worse, limit=METRICS[metric].allowed(before, share))
            for metric, before in known.counts().items()
        }
        request = replace(base, counts=looks_bad)
        if known.slowdown_test is None:
            return request
        return replace(
            request,
            with_spans=self._context.shows_spans,
            more_blocks=known.slowdown_test.more_blocks,
            is_suspect=known.slowdown_test.looks_slower,
            one_cpu=known.one_cpu,
        )

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return CanaryBlocks(clock)

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], requests: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; suspects that fail beside the session are confirmed later."""
        return self._settled(nodeid, measurements, requests, is_last=False)

    def finish(self) -> Mapping[str, Sequence[Measurement]]:
        """See `ComparisonStrategy.finish`; suspects whose fixtures cannot exist twice are confirmed."""
        return {
            nodeid: [
                replace(one, warnings=[*one.warnings, _LATE_NOTE]) if _is_judged(one) else one
                for one in self._settled(nodeid, measurements, requests, is_last=True)
            ]
            for nodeid, (measurements, requests) in self._late.items()
        }

    def _settled(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],
        *,
        is_last: bool,
    ) -> list[Measurement]:
        """Return the measurements of a test with their regression results.

        Args:
            nodeid: the test.
            measurements: see `settle`.
            requests: see `settle`.
            is_last: whether all fixtures are torn down.
        """
        asked = {one.name: one for one in measurements if one.name in requests}
        only_base, reasons = (
            self._lines.only_base(nodeid, measurements),
            self._lines.unlike(self.against, nodeid, measurements),
        )
        known = {
            name: replace(
                self._known(
                    nodeid,
                    name,
                    requests[name].tolerance.share,
                    instructions=requests[name].compares_instructions,
                ),
                only_base=[one for one in only_base if one not in reasons],
                unlike=reasons.get(name, ""),
            )
            for name in asked
        }
        suspects = dict(_suspects(asked.values(), known))
        grown = {
            name: requests[name].tolerance.share
            for name, one in asked.items()
            if not known[name].obstacle(one)
            and _sides(one.recording, known[name]).any_has_grown(requests[name].tolerance.share)
        }
        fresh = Confirmation()
        if suspects or grown:
            fresh = self._confirm(nodeid, measurements, known, requests, suspects=suspects, grown=grown)
        is_pending = fresh.is_exclusive and not is_last
        if is_pending:
            self._late[nodeid] = (measurements, requests)
        settled = []
        for one in measurements:
            if one.name not in known:
                settled.append(compared(one, None, self._context.settings.alpha))
                continue
            evidence = self._evidence(one, known[one.name], requests[one.name], fresh)
            notes = [*known[one.name].doubts(requests[one.name].tolerance.share, fresh.times.get(one.name))]
            notes += [fresh.note] if fresh.note and one.name in fresh.times else []
            runs = [run for run in (one.recording, *(sides.head for sides in fresh.sides(one.name))) if run is not None]
            found = compared(one, evidence, self._context.settings.alpha)
            since = partial(since_baseline, known[one.name], runs)
            changes = with_components(found.changes, since, is_shown=self._context.shows_spans)
            changes = with_versions(changes, self._file, self._lines.machine.key, self._context.root)
            if nodeid not in self._duets:
                notes += filter(None, [lack_of_spans(known[one.name], changes, runs)])
            if requests[one.name].compares_instructions and (counted := known[one.name].counted) is not None:
                notes += filter(None, [lack_of_instructions(counted.counts, self.against)])
            elif requests[one.name].compares_instructions:
                changes = [*changes, *self._lines.foreign_instructions(one)]
            times = found.side_times or times_since_baseline(one, known[one.name], runs)
            found = replace(found, changes=changes, side_times=times, is_pending=is_pending)
            if nodeid not in self._duets:
                notes += filter(None, [why_not_recorded(found, self._context.root)])
            settled.append(replace(found, warnings=[*found.warnings, *notes]))
        if nodeid in self._duets:
            record = partial(self._commit_duet.record_spans, self._duets[nodeid])
            return self._components.explain(nodeid, settled, record)
        return settled

    def _known(self, nodeid: str, name: str, share: float, *, instructions: bool = False) -> KnownData:
        line = self._lines.of_this_machine(nodeid, name)
        slowdown_test = None
        if line is not None and line.time is not None:
            alpha = self._settings.alpha / max(1, self.sharing)
            slowdown_test = self._in_pairs(UnpairedSlowdownTest(share, alpha, line.time, self._lines.prior), line)
        counted = self._lines.counted(nodeid, name, instructions=instructions)
        return KnownData(line, counted, slowdown_test, self._lines.has(nodeid, name))

    def _in_pairs(self, slowdown_test: UnpairedSlowdownTest, line: Line | None) -> UnpairedSlowdownTest:
        """Return a test that pairs confirm if the settings say so, or if they tell more than fresh processes."""
        if self._settings.confirm != "auto" or line is None:
            return replace(slowdown_test, in_pairs=self._settings.confirm == "duet")
        is_better = slowdown_test.is_uncertain or not line.load
        why_not = self._commit_duet.why_impossible(line.commit) or self._commit_duet.why_blind()
        return replace(slowdown_test, in_pairs=is_better and not why_not)

    def _why_not_in_pairs(self, line: Line) -> str:
        """Return why fresh processes confirm where pairs would be better; empty if there is no such reason."""
        if self._settings.confirm == "runs" or not line.commit:
            return ""
        why = self._commit_duet.why_impossible(line.commit)
        return why if self._settings.confirm == "duet" or line.load else why or self._commit_duet.why_blind()

    def _confirm(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        known: Mapping[str, KnownData],
        requests: Mapping[str, MeasurementRequest],
        *,
        suspects: Mapping[str, UnpairedSlowdownTest],
        grown: Mapping[str, float],
    ) -> Confirmation:
        problem = ""
        if self._settings.confirm == "auto":  # the test may have imported further code
            self._commit_duet.look_again()
            suspects = {name: self._in_pairs(one, known[name].line) for name, one in suspects.items()}
        if any(one.in_pairs for one in suspects.values()):
            asked = CommitDuet(
                nodeid,
                commits={line.commit for name in suspects if (line := known[name].line) is not None},
                measurements=measurements,
                seconds=max(requests[name].max_time_s for name in suspects),
                unpinned=[name for name in suspects if not requests[name].pin],
                base={name: _base(one) for name, one in known.items()},
            )
            found = self._commit_duet.confirm(asked, suspects, grown)
            if not found.problem:
                self._duets[nodeid] = asked
                return found
            problem = found.problem
        suspects = dict(_suspects_of_runs(suspects))
        found = confirm(self._context, nodeid, suspects, grown, partial(self._measure, nodeid, known, suspects))
        lines = [line for name in suspects if (line := known[name].line) is not None]
        why = problem or next(filter(None, map(self._why_not_in_pairs, lines)), "")
        times = {name: self._sure(one, suspects[name], known[name].line) for name, one in found.times.items()}
        is_worth_a_note = self._settings.confirm == "duet" or any(map(_is_slower, times.values()))
        note = f"confirmed by fresh processes, not by a duet: {why}" if why and is_worth_a_note else ""
        return replace(found, times=times, note=note)

    def _sure(
        self, change: RegressionResult, slowdown_test: UnpairedSlowdownTest, line: Line | None
    ) -> RegressionResult:
        """Return a result that is undecided if only pairs could be sure, and git does not have the commit for pairs."""
        is_doubtful = _is_slower(change) and slowdown_test.may_be_another_level(change.ratio or 1.0)
        if self._settings.confirm != "auto" or line is None or not is_doubtful:
            return change
        why = self._commit_duet.why_impossible(line.commit) if line.commit else ""
        if not why:
            return change
        found = f"{100 * ((change.ratio or 1) - 1):+.1f} % in {change.runs} fresh processes"
        reason = f"looked slower, {found}, but such a time may move by as much; pairs would tell, but {why}"
        return replace(change, verdict=RegressionVerdict.UNDECIDED, reason=reason)

    def _measure(
        self,
        nodeid: str,
        known: Mapping[str, KnownData],
        suspects: Mapping[str, UnpairedSlowdownTest],
        *,
        own_file_only: bool,
        counting: Counting,
    ) -> Attempt[Estimate]:
        """Measure a test in a fresh process."""
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
        sides = {name: _sides(one, known[name]) for name, one in recordings.items() if name in known}
        return Attempt(runs, sides, problem=answer.problem, is_exclusive=bool(answer.problem and answer.elapsed_s))

    def _evidence(
        self, measurement: Measurement, known: KnownData, request: MeasurementRequest, fresh: Confirmation
    ) -> Evidence:
        line, counted = known.line, known.counted
        return Evidence(
            time_result(measurement, known, fresh.times, self._lines, self._settings.baseline),
            request.tolerance,
            None
            if known.obstacle(measurement)
            else _sides(measurement.recording or Recording(uncounted=_why_uncounted(measurement)), known),
            fresh.sides(measurement.name),
            fresh.problem,
            origin=Origin(commit=line.commit, date=line.date) if line else Origin(),
            count_origin=Origin(commit=counted.commit, date=counted.date) if counted else None,
            base_functions=partial(self._lines.functions, line or counted),
            base_instructions=partial(self._lines.instructions, counted),
            own_modules=partial(own_modules, self._context.root),
        )


def _is_judged(measurement: Measurement) -> bool:
    return any(not one.verdict.is_unjudged for one in measurement.changes)


def _is_slower(change: RegressionResult) -> bool:
    return change.verdict is RegressionVerdict.REGRESSED


def _base(known: KnownData) -> Recording:
    return Recording(counts=known.counts())


def _sides(recording: Recording | None, known: KnownData) -> Sides:
    """Return both sides of an attempt; the side of the baseline is the same in each attempt."""
    return Sides(recording or Recording(), _base(known))


def _why_uncounted(measurement: Measurement) -> str:
    return measurement.kind.why_not or f"nothing was measured ({measurement.kind.name})"


def _suspects_of_runs(
    suspects: Mapping[str, UnpairedSlowdownTest],
) -> Iterator[tuple[str, UnpairedSlowdownTest]]:
    """Yield the suspects of pairs that are suspects as well if fresh processes confirm."""
    for name, one in suspects.items():
        by_runs = replace(one, in_pairs=False)
        if one.screening is not None and by_runs.is_suspect(one.screening):
            yield name, by_runs


def _suspects(
    measurements: Iterable[Measurement], known: Mapping[str, KnownData]
) -> Iterator[tuple[str, UnpairedSlowdownTest]]:
    for one in measurements:
        slowdown_test = None if known[one.name].obstacle(one) else known[one.name].slowdown_test
        blocks = one.recording.blocks if one.recording is not None else ()
        if slowdown_test is not None and slowdown_test.looks_slower(blocks):
            yield one.name, slowdown_test.after(slowdown_test.estimate(blocks))
