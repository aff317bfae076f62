"""The comparison with the committed baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_perfbudget.baseline.commit import DIRTY
from pytest_perfbudget.baseline.schema import Baseline, Line
from pytest_perfbudget.compare.baseline_confirmer import BaselineConfirmer
from pytest_perfbudget.compare.baseline_lines import BaselineLines
from pytest_perfbudget.compare.baseline_result import time_result
from pytest_perfbudget.compare.baseline_times import times_since_baseline
from pytest_perfbudget.compare.compared import compared
from pytest_perfbudget.compare.components import ComponentChanges
from pytest_perfbudget.compare.confirm import Confirmation
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Evidence, Origin
from pytest_perfbudget.compare.instructions import lack_of_instructions
from pytest_perfbudget.compare.known_data import KnownData
from pytest_perfbudget.compare.late_test import LateTest
from pytest_perfbudget.compare.strategy import ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.compare.unpaired_components import (
    lack_of_spans,
    since_baseline,
    why_not_recorded,
    with_components,
)
from pytest_perfbudget.compare.versions import with_versions
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import METRICS
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.run_result import BASELINE
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, CanaryBlocks
from pytest_perfbudget.paths import own_modules

_LATE_NOTE: Final = "failed in a fresh process beside the session, so it was confirmed after the last test: "
"""The note on such a measurement; the reason follows."""


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
        self._done: set[str] = set()
        self._confirmer = BaselineConfirmer(context, self._file, self._lines.machine.key)
        self._components = ComponentChanges(context)
        self._late: dict[str, LateTest] = {}

    def begin(self, nodeids: Iterable[str]) -> None:
        """See `ComparisonStrategy.begin`; `alpha` is shared among the measurements of these tests."""
        chosen = set(nodeids)
        if self._settings.confirm != "runs":
            self._lines.find_commits(self._context.root, chosen)
        timed = [line for line in self._lines.timed() if line.key.test in chosen]
        self.sharing = len(timed)
        self._confirmer.begin(timed)
        self.remark = self._confirmer.remark(timed)

    def start(self) -> None:
        """See `ComparisonStrategy.start`."""
        self._confirmer.start()

    def prepare(self, *, is_last: bool) -> None:
        """See `ComparisonStrategy.prepare`."""
        self._confirmer.prepare(self._done, is_last=is_last)

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""
        self._confirmer.close()

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
        self._done.add(nodeid)
        return self._settled(nodeid, measurements, requests, is_last=False)

    def finish(self) -> Mapping[str, Sequence[Measurement]]:
        """See `ComparisonStrategy.finish`; suspects whose fixtures cannot exist twice are confirmed."""
        self._confirmer.end_screening()
        return {
            nodeid: [
                replace(one, warnings=[*one.warnings, f"{_LATE_NOTE}{test.why}"]) if _is_judged(one) else one
                for one in self._settled(nodeid, test.measurements, test.requests, is_last=True)
            ]
            for nodeid, test in self._late.items()
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
            and known[name].beside(one.recording).any_has_grown(requests[name].tolerance.share)
        }
        fresh = Confirmation()
        if suspects or grown:
            fresh = self._confirmer.confirm(nodeid, measurements, known, requests, suspects=suspects, grown=grown)
        is_pending = fresh.is_exclusive and not is_last
        if is_pending:
            self._late[nodeid] = LateTest(measurements, requests, fresh.problem)
        settled = []
        for one in measurements:
            if one.name not in known:
                settled.append(compared(one, None, self._context.settings.alpha))
                continue
            evidence = self._evidence(one, known[one.name], requests[one.name], fresh)
            notes = [fresh.note] if fresh.note and one.name in fresh.times else []
            runs = [run for run in (one.recording, *(sides.head for sides in fresh.sides(one.name))) if run is not None]
            found = compared(one, evidence, self._context.settings.alpha)
            since = partial(since_baseline, known[one.name], runs)
            changes = with_components(found.changes, since, is_shown=self._context.shows_spans)
            changes = with_versions(changes, self._file, self._lines.machine.key, self._context.root)
            if not self._confirmer.in_pairs(nodeid):
                notes += filter(None, [lack_of_spans(known[one.name], changes, runs)])
            if requests[one.name].compares_instructions and (counted := known[one.name].counted) is not None:
                notes += filter(None, [lack_of_instructions(counted.counts, self.against)])
            elif requests[one.name].compares_instructions:
                changes = [*changes, *self._lines.foreign_instructions(one)]
            times = found.side_times or times_since_baseline(one, known[one.name], runs)
            found = replace(found, changes=changes, side_times=times, is_pending=is_pending)
            if not self._confirmer.in_pairs(nodeid):
                notes += filter(None, [why_not_recorded(found, self._context.root)])
            settled.append(replace(found, warnings=[*found.warnings, *notes]))
        if self._confirmer.in_pairs(nodeid):
            return self._components.explain(nodeid, settled, partial(self._confirmer.record_spans, nodeid))
        return settled

    def _known(self, nodeid: str, name: str, share: float, *, instructions: bool = False) -> KnownData:
        line = self._lines.of_this_machine(nodeid, name)
        slowdown_test = None
        if line is not None and line.time is not None:
            alpha = self._settings.alpha / max(1, self.sharing)
            slowdown_test = UnpairedSlowdownTest(share, alpha, line.time, self._lines.prior)
            slowdown_test = self._confirmer.chosen(slowdown_test, line)
        counted = self._lines.counted(nodeid, name, instructions=instructions)
        return KnownData(line, counted, slowdown_test, self._lines.has(nodeid, name))

    def _evidence(
        self, measurement: Measurement, known: KnownData, request: MeasurementRequest, fresh: Confirmation
    ) -> Evidence:
        line, counted = known.line, known.counted
        time = time_result(measurement, known, fresh.times, self._lines, self._settings.baseline)
        return Evidence(
            known.doubted(time),
            request.tolerance,
            None
            if known.obstacle(measurement)
            else known.beside(measurement.recording or Recording(uncounted=_why_uncounted(measurement))),
            fresh.sides(measurement.name),
            fresh.problem,
            origin=_origin(line) if line else Origin(),
            count_origin=_origin(counted) if counted else None,
            base_functions=partial(self._lines.functions, line or counted),
            base_instructions=partial(self._lines.instructions, counted),
            own_modules=partial(own_modules, self._context.root),
        )


def _origin(line: Line) -> Origin:
    return Origin(commit=line.commit if line.commit != DIRTY else "", date=line.date)


def _is_judged(measurement: Measurement) -> bool:
    return any(not one.verdict.is_unjudged for one in measurement.changes)


def _why_uncounted(measurement: Measurement) -> str:
    return measurement.kind.why_not or f"nothing was measured ({measurement.kind.name})"


def _suspects(
    measurements: Iterable[Measurement], known: Mapping[str, KnownData]
) -> Iterator[tuple[str, UnpairedSlowdownTest]]:
    for one in measurements:
        slowdown_test = None if known[one.name].obstacle(one) else known[one.name].slowdown_test
        blocks = one.recording.blocks if one.recording is not None else ()
        if slowdown_test is not None and slowdown_test.looks_slower(blocks):
            yield one.name, slowdown_test.after(slowdown_test.estimate(blocks))
