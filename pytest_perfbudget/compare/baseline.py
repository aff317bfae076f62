"""Holds the session's measurements against the committed baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_perfbudget.baseline.call_profiles import read_calls
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.compare.baseline_commit import BaselineCommitDuet
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm
from pytest_perfbudget.compare.launcher import own_modules
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.counts import COUNTS, UNITS, grown_functions, judge_growth, most_allowed
from pytest_perfbudget.core.limits import EffectiveLimits, RegressionTolerance
from pytest_perfbudget.core.reference import Estimate, prior_of
from pytest_perfbudget.core.results import Growth, Measurement, Recording, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, CanaryBlocks
from pytest_perfbudget.measure.turns import Turns

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession


_BLIND = 0.5
"""A slowdown by so much that cannot be found is worth a note."""


@dataclass(frozen=True)
class _Compare:
    """A measurement with what the baseline knows of it: here, and on any machine with this Python."""

    tolerance: RegressionTolerance
    line: Line | None
    counted: Line | None
    slowdown_test: UnpairedSlowdownTest | None
    is_known_elsewhere: bool
    max_time_s: float
    pin: bool = True
    turns: Turns | None = None
    with_cpus: bool = False

    @property
    def is_timed(self) -> bool:
        return self.slowdown_test is not None

    @property
    def most_calls(self) -> float | None:
        calls = self.counted.calls if self.counted else None
        return None if calls is None else most_allowed("calls", calls, self.tolerance.share)

    @property
    def most_peak(self) -> float | None:
        peak = self.counted.peak if self.counted else None
        return None if peak is None else most_allowed("peak", peak, self.tolerance.share)

    def more_blocks(self, blocks: Sequence[BlockTime]) -> int:
        return self.slowdown_test.more_blocks(blocks) if self.slowdown_test else 0

    def is_suspect(self, blocks: Sequence[BlockTime]) -> bool:
        if self.slowdown_test is None or not blocks:
            return False
        run = self.slowdown_test.estimate(blocks)
        return self.slowdown_test.is_suspect(run) and not self.slowdown_test.is_stale(run)

    def has_grown(self, recording: Recording) -> bool:
        """Return whether a count of a recording is beyond what is allowed."""
        pairs = ((recording.calls, self.most_calls), (recording.peak, self.most_peak))
        return any(count is not None and most is not None and count > most for count, most in pairs)

    def sourced(self, change: RegressionResult) -> RegressionResult:
        """Return a change with where its limit and its baseline come from."""
        line = self.line if change.metric == "time" else self.counted
        dated = replace(change, limit=self.tolerance.share, source=self.tolerance.source)
        return dated if line is None else replace(dated, commit=line.commit, date=line.date)


class BaselineComparison:
    """The gate of the committed baseline."""

    against = "the baseline"
    gone = "it is in the baseline and is not collected: remove it with --perf-update-baseline --perf-prune"
    remark = ""

    def __init__(self, session: PerfSession, baseline: Baseline) -> None:
        self._session = session
        self._machine = this_machine()
        self._here = {
            (key.test, key.name): line for key, line in baseline.lines.items() if key.machine == self._machine.key
        }
        self.known = {(key.test, key.name) for key in baseline.lines}
        self._counted: dict[tuple[str, str], Line] = {}
        for key, line in baseline.lines.items():
            other = baseline.machines[key.machine]
            if (other.python, other.system) == (self._machine.python, self._machine.system):
                place = (key.test, key.name)
                self._counted[place] = _higher(self._counted.get(place), line)
        self._counted |= self._here
        self._prior = prior_of(line.time for line in self._here.values() if line.time is not None)
        self._share = 1
        self._commit_duet = BaselineCommitDuet(session)

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run: `alpha` is shared among their measurements."""
        chosen = set(nodeids)
        self._share = max(1, sum(line.time is not None and test in chosen for (test, _), line in self._here.items()))

    def start(self) -> None:
        """See `ComparisonStrategy.start`."""

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""
        self._commit_duet.close()

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:
        """See `ComparisonStrategy.ask`."""
        line = self._here.get((nodeid, name))
        slowdown_test = None
        if line is not None and line.time is not None:
            alpha = self._session.settings.alpha / self._share
            share, in_pairs = effective.max_regression.share, self._session.settings.confirm != "runs"
            slowdown_test = UnpairedSlowdownTest(share, alpha, line.time, self._prior, in_pairs=in_pairs)
        counted = self._counted.get((nodeid, name))
        known = (nodeid, name) in self.known
        seconds = effective.max_time_ns / 1e9
        return _Compare(effective.max_regression, line, counted, slowdown_test, known, seconds, effective.pin)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:
        """See `ComparisonStrategy.block_policy`."""
        return CanaryBlocks(clock)

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; suspects are confirmed before it returns."""
        compared: dict[str, _Compare] = {
            one.name: found for one in measurements if isinstance(found := asked.get(one.name), _Compare)
        }
        suspects = {
            one.name: slowdown_test
            for one in measurements
            if (slowdown_test := _suspect(one, compared.get(one.name))) is not None
        }
        grown = {
            one.name: one_asked.has_grown
            for one in measurements
            if (one_asked := compared.get(one.name)) and one.recording and one_asked.has_grown(one.recording)
        }
        fresh: Confirmation[Recording] = Confirmation({}, [])
        if suspects or grown:
            fresh = self._confirm(nodeid, measurements, compared, suspects, grown)
        settled = []
        for measurement in measurements:
            changes = list(self._changes(measurement, compared.get(measurement.name), fresh))
            warnings = [*measurement.warnings, *_doubts(compared.get(measurement.name))]
            warnings += [fresh.note] if fresh.note and measurement.name in fresh.times else []
            settled.append(replace(measurement, changes=changes, warnings=warnings, recording=None))
        return settled

    def _confirm(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        compared: Mapping[str, _Compare],
        suspects: Mapping[str, UnpairedSlowdownTest],
        grown: Mapping[str, Callable[[Recording], bool]],
    ) -> Confirmation[Recording]:
        how = self._session.settings.confirm
        if suspects and how != "runs":
            commits = {line.commit for name in suspects if (line := compared[name].line) is not None}
            seconds = max(compared[name].max_time_s for name in suspects)
            unpinned = [name for name in suspects if not compared[name].pin]
            found = self._commit_duet.confirm(
                nodeid, commits, measurements, suspects=suspects, grown=grown, seconds=seconds, unpinned=unpinned
            )
            if not found.problem:
                return found
            if how == "duet":
                again = confirm(self._session, nodeid, suspects, grown, partial(self._measure, nodeid, suspects))
                return replace(again, note=f"confirmed by fresh processes, not by a duet: {found.problem}")
        return confirm(self._session, nodeid, suspects, grown, partial(self._measure, nodeid, suspects))

    def _measure(
        self, nodeid: str, suspects: Mapping[str, UnpairedSlowdownTest], *, alone: bool
    ) -> Attempt[Estimate, Recording]:
        """Measure a test in a fresh process."""
        (answer,) = self._session.fresh.measure([nodeid], alone=alone)
        found = [Measurement.from_dict(one) for one in answer.measurements]
        recordings = {one.name: one.recording for one in found if one.recording is not None}
        runs = {
            name: slowdown_test.estimate(recordings[name].blocks)
            for name, slowdown_test in suspects.items()
            if name in recordings and recordings[name].blocks
        }
        return Attempt(runs, recordings, answer.problem)

    def _changes(
        self, measurement: Measurement, asked: _Compare | None, fresh: Confirmation[Recording]
    ) -> Iterator[RegressionResult]:
        if asked is None:
            return
        yield asked.sourced(self._time(measurement, asked, fresh))
        for metric in COUNTS:
            before = getattr(asked.counted, metric, None)
            if before is not None:
                yield asked.sourced(self._count(metric, before, measurement, asked, fresh))

    def _time(self, measurement: Measurement, asked: _Compare, fresh: Confirmation[Recording]) -> RegressionResult:
        if asked.slowdown_test is None:
            return self._unanswerable(asked)
        if measurement.name in fresh.times:
            return self._explained(fresh.times[measurement.name], measurement, asked)
        blank = RegressionResult("time", RegressionVerdict.UNMEASURED)
        if measurement.recording is None or not measurement.recording.blocks:
            return replace(blank, reason=f"it was not timed in blocks ({measurement.kind})")
        run = asked.slowdown_test.estimate(measurement.recording.blocks)
        if asked.slowdown_test.is_stale(run):
            slower = math.exp(run.weather)
            return replace(
                blank, reason=f"the canaries take {slower:.2g} times what they took for the baseline: update it"
            )
        return asked.slowdown_test.screened(run)

    def _count(
        self, metric: str, before: int, measurement: Measurement, asked: _Compare, fresh: Confirmation[Recording]
    ) -> RegressionResult:
        recording = measurement.recording
        after: int | None = getattr(recording, metric, None)
        blank = RegressionResult(metric, RegressionVerdict.UNMEASURED, UNITS[metric], before=before)
        if recording is None or after is None:
            why = recording.uncounted if recording is not None else ""
            return replace(blank, reason=f"its {COUNTS[metric]} could not be counted: {why or measurement.kind}")
        share = asked.tolerance.share
        if after <= most_allowed(metric, before, share):
            return judge_growth(metric, before, after, share)
        again = [getattr(one.get(measurement.name), metric, None) for one in fresh.counts]
        counted = [count for count in again if count is not None]
        if not counted or fresh.problem:
            why = fresh.problem or "a fresh process did not count it"
            return replace(blank, reason=f"more {COUNTS[metric]} than allowed, which could not be confirmed: {why}")
        grown = self._grown(asked.counted.key, recording) if metric == "calls" and asked.counted else ()
        # Whichever is lower: other tests of this session may have brought something about.
        return judge_growth(metric, before, min(after, *counted), share, grown)

    def _unanswerable(self, asked: _Compare) -> RegressionResult:
        """Return why there is no time to compare with."""
        if not asked.is_known_elsewhere:
            why = "the baseline does not have it"
            if not self.known and not self._session.baseline_file.exists():
                why = f"there is no {self._session.settings.baseline}: make it with pytest --perf-update-baseline"
            return RegressionResult("time", RegressionVerdict.NEW, reason=why)
        if asked.line is None:
            where = f"the baseline has no times of this machine ({self._machine})"
            return RegressionResult("time", RegressionVerdict.FOREIGN, reason=where)
        return RegressionResult("time", RegressionVerdict.UNMEASURED, reason="the baseline has no time of it")

    def _explained(self, change: RegressionResult, measurement: Measurement, asked: _Compare) -> RegressionResult:
        """Add the functions that are called more often to a confirmed regression."""
        recording, line = measurement.recording, asked.line
        if change.verdict is not RegressionVerdict.REGRESSED or change.grown or recording is None or line is None:
            return change
        return replace(change, grown=self._grown(line.key, recording))

    def _grown(self, key: Key, recording: Recording) -> list[Growth]:
        known = read_calls(self._session.baseline_file, key, self._machine.python)
        if known is None:
            return []
        own = own_modules(self._session.config.rootpath)
        return grown_functions(known.functions, recording.functions, known.unknown, own)


def _higher(known: Line | None, line: Line) -> Line:
    """Return a line with the higher counts of both: of several machines none is held against another's luck."""
    if known is None:
        return line
    calls = max((one for one in (known.calls, line.calls) if one is not None), default=None)
    peak = max((one for one in (known.peak, line.peak) if one is not None), default=None)
    return replace(line, calls=calls, peak=peak)


def _doubts(asked: _Compare | None) -> Iterator[str]:
    """Yield a note if the baseline is too uncertain to be of use: a gate that cannot fire has to say so."""
    if asked is None or asked.slowdown_test is None:
        return
    smallest = asked.slowdown_test.smallest_found()
    if smallest > max(_BLIND, 2 * asked.tolerance.share):
        what = "uncertain" if asked.line is None or asked.line.is_corrected else "imported, not corrected for weather"
        yield f"its baseline is {what}: a slowdown of less than {100 * smallest:.0f} % would not be found; update it"


def _suspect(measurement: Measurement, asked: _Compare | None) -> UnpairedSlowdownTest | None:
    if asked is None or measurement.recording is None or not asked.is_suspect(measurement.recording.blocks):
        return None
    slowdown_test = asked.slowdown_test
    return slowdown_test and slowdown_test.after(slowdown_test.estimate(measurement.recording.blocks))
