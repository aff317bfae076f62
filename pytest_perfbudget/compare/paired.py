"""Holds the head against a commit of the project: both are measured in turns, on the same CPU, at the same time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_perfbudget.checkout.revision import Base, remark
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm, once_more
from pytest_perfbudget.compare.launcher import own_modules
from pytest_perfbudget.compare.pair_runner import PairRunner, PairTask
from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.counts import COUNTS, UNITS, gained_functions, grown_functions, judge_growth
from pytest_perfbudget.core.limits import EffectiveLimits, RegressionTolerance
from pytest_perfbudget.core.paired import Pair, PairedSlowdownTest, PairRecording
from pytest_perfbudget.core.results import Growth, Measurement, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.weather import BlockTime
from pytest_perfbudget.errors import WorkerError, WrongCodeError
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, NoBlocks
from pytest_perfbudget.measure.turns import Turns
from pytest_perfbudget.processes.duet import PARALLEL, TIMERS

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession

LATE: Final = "it was known as a perf test at run time only: let it ask for perf as an argument"


@dataclass(frozen=True)
class PairedRequest:
    """What is allowed of a measurement; the session's own run of it is not compared."""

    tolerance: RegressionTolerance
    max_time_s: float
    pin: bool = True
    is_timed: bool = False
    turns: Turns | None = None
    most_calls: float | None = None
    most_peak: float | None = None
    with_cpus: bool = True

    def more_blocks(self, blocks: Sequence[BlockTime]) -> int:  # noqa: ARG002 - see above
        """See `MeasurementRequest.more_blocks`."""
        return 0

    def is_suspect(self, blocks: Sequence[BlockTime]) -> bool:  # noqa: ARG002
        """See `MeasurementRequest.is_suspect`."""
        return False


class PairedComparison:
    """The gate against another commit; see `ComparisonStrategy`."""

    def __init__(self, session: PerfSession, base: Base) -> None:
        self._session = session
        self._base = base
        pinned = "" if cpus() else ", not pinned to a CPU: this system cannot"
        self.against = f"{base.ref} ({base.short}){pinned}"
        self.gone = f"{base.ref} has it, and it is not collected here"
        self.remark = remark(base)
        self._tests: list[str] = []
        self._pairs = PairRunner(session, base)
        self._dies = False

    def begin(self, nodeids: Iterable[str]) -> None:
        """Take note of the tests that will run, `alpha` is shared among them, and check the base out.

        Raises:
            UsageError: it cannot be: without it nothing would be compared.
        """
        self._tests = list(nodeids)
        if self._tests and not self._session.config.option.collectonly:
            self._pairs.open(self._tests)

    def ask(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002 - the same for all
        """See `ComparisonStrategy.ask`."""
        return PairedRequest(effective.max_regression, effective.max_time_ns / 1e9, effective.pin)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:  # noqa: ARG002
        """See `ComparisonStrategy.block_policy`."""
        return NoBlocks()

    def start(self) -> None:
        """See `ComparisonStrategy.start`."""

    def close(self) -> None:
        """End all processes and remove the checkout."""
        self._pairs.close()

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], asked: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; the test is measured in turns, and suspects again by fresh pairs."""
        limits = {one.name: found for one in measurements if isinstance(found := asked.get(one.name), PairedRequest)}
        if not limits:
            return list(measurements)
        unpinned = dict(_unpinned(measurements, limits))
        screened, fresh = self._judge(nodeid, measurements, limits, unpinned)
        settled = []
        for one in measurements:
            changes: list[RegressionResult] = []
            if one.name in limits:
                changes = list(
                    self._changes(one, limits[one.name], self._slowdown_test(limits, one.name), screened, fresh)
                )
            warnings = [*one.warnings, *([unpinned[one.name]] if one.name in unpinned else [])]
            settled.append(replace(one, changes=changes, warnings=warnings, recording=None))
        return settled

    def _slowdown_test(self, limits: Mapping[str, PairedRequest], name: str) -> PairedSlowdownTest:
        alpha = self._session.settings.alpha / max(1, len(self._tests)) / len(limits)
        return PairedSlowdownTest(limits[name].tolerance.share, alpha)

    def _judge(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        limits: Mapping[str, PairedRequest],
        unpinned: Collection[str],
    ) -> tuple[Attempt[Pair, PairRecording], Confirmation[PairRecording]]:
        """Measure a test by the screening pair, and by fresh ones what looks worse."""
        self._session.stop_timeout()
        turned = {one.name: TIMERS if one.kind == "timer" else one.name for one in measurements}
        names = list(turned.values())
        seconds = max(one.max_time_s for one in limits.values())
        part = PairTask(nodeid, names, seconds, [turned[name] for name in unpinned])
        screened = self._screen(part) if nodeid in self._tests else Attempt[Pair, PairRecording](problem=LATE)
        gated = [name for name, both in screened.counts.items() if name in limits and not self._is_skipped(both)]
        suspects = {
            name: slowdown_test.after(screened.runs[name])
            for name in gated
            if name in screened.runs
            and (slowdown_test := self._slowdown_test(limits, name)).is_suspect(screened.runs[name])
        }
        grown = {
            name: partial(PairRecording.has_grown, share=limits[name].tolerance.share)
            for name in gated
            if screened.counts[name].has_grown(limits[name].tolerance.share)
        }
        fresh: Confirmation[PairRecording] = Confirmation({}, [])
        if suspects or grown:
            fresh = confirm(self._session, nodeid, suspects, grown, partial(self._pairs.measure, part))
        return screened, fresh

    def _is_skipped(self, both: PairRecording) -> bool:
        return both.is_test_changed and self._session.settings.duet.changed_tests == "skip"

    def _screen(self, part: PairTask) -> Attempt[Pair, PairRecording]:
        screen = partial(self._pairs.screen, part, self._tests)
        try:
            return screen() if self._dies else once_more(screen)
        except WorkerError as error:
            self._dies = True  # whatever is tried
            return Attempt(problem=str(error), is_wrong_code=isinstance(error, WrongCodeError))
        except Exception as error:  # noqa: BLE001 - the test may have replaced anything, and is still at it
            return Attempt(problem=f"no process of {self._base.ref}: {type(error).__name__}: {error}")

    def _changes(
        self,
        measurement: Measurement,
        limits: PairedRequest,
        slowdown_test: PairedSlowdownTest,
        screened: Attempt[Pair, PairRecording],
        fresh: Confirmation[PairRecording],
    ) -> Iterator[RegressionResult]:
        both = screened.counts.get(measurement.name)
        found = [self._time(measurement, slowdown_test, screened, fresh)]
        if both is not None:
            counted = [metric for metric in COUNTS if getattr(both.base, metric) is not None]
            found += [self._count(metric, both, slowdown_test.share, measurement.name, fresh) for metric in counted]
        for change in found:
            skipped = both is not None and self._is_skipped(both) and not change.verdict.is_unjudged
            yield replace(
                change,
                verdict=RegressionVerdict.CHANGED if skipped else change.verdict,
                limit=limits.tolerance.share,
                source=limits.tolerance.source,
                against=self._base.ref,
                in_pairs=True,
                commit=self._base.short,
                is_test_changed=both is not None and both.is_test_changed,
            )

    def _time(
        self,
        measurement: Measurement,
        slowdown_test: PairedSlowdownTest,
        screened: Attempt[Pair, PairRecording],
        fresh: Confirmation[PairRecording],
    ) -> RegressionResult:
        name = measurement.name
        blank = RegressionResult("time", RegressionVerdict.UNMEASURED)
        if screened.problem:
            verdict = RegressionVerdict.WRONG_CODE if screened.is_wrong_code else RegressionVerdict.UNMEASURED
            return replace(blank, verdict=verdict, reason=screened.problem)
        if name in fresh.times:
            change = fresh.times[name]
            if change.verdict is not RegressionVerdict.REGRESSED:
                return change
            return self._explained(change, [one[name] for one in fresh.counts if name in one])
        if name in screened.runs:
            return slowdown_test.screened(screened.runs[name])
        if name in screened.counts:
            return replace(blank, reason=f"it was not timed in turns ({measurement.kind})")
        return RegressionResult("time", RegressionVerdict.NEW, reason=f"{self._base.ref} does not have it")

    def _count(
        self, metric: str, both: PairRecording, share: float, name: str, fresh: Confirmation[PairRecording]
    ) -> RegressionResult:
        before, after = getattr(both.base, metric), getattr(both.head, metric)
        blank = RegressionResult(metric, RegressionVerdict.UNMEASURED, UNITS[metric], before=before)
        if after is None:
            return replace(blank, reason=f"its {COUNTS[metric]} could not be counted: {both.head.uncounted}")
        if not both.grew(metric, share) or self._is_skipped(both):
            return judge_growth(metric, before, after, share)
        again = [one[name] for one in fresh.counts if name in one]
        if not again or fresh.problem:
            why = fresh.problem or "a fresh process did not count it"
            return replace(blank, reason=f"more {COUNTS[metric]} than allowed, which could not be confirmed: {why}")
        if any(not one.grew(metric, share) for one in again):
            return judge_growth(metric, before, before, share)
        return judge_growth(metric, before, after, share, self._grown(both) if metric == "calls" else ())

    def _explained(self, change: RegressionResult, fresh: Sequence[PairRecording]) -> RegressionResult:
        """Say where a slowdown is: by the time of functions, by their calls if the time does not tell."""
        slower_ns = (change.after or 0) - (change.before or 0)
        found = gained_functions([one.base for one in fresh], [one.head for one in fresh], slower_ns)
        if not found and fresh and (fresh[-1].head.calls or 0) > (fresh[-1].base.calls or 0):
            found = list(self._grown(fresh[-1]))
        return replace(change, grown=found)

    def _grown(self, both: PairRecording) -> Sequence[Growth]:
        own = own_modules(self._session.config.rootpath)
        return grown_functions(both.base.functions, both.head.functions, 0, own)


def _unpinned(measurements: Iterable[Measurement], limits: Mapping[str, PairedRequest]) -> Iterator[tuple[str, str]]:
    """Yield the measurements that may use all CPUs, and why."""
    for one in measurements:
        found = one.recording.cpus if one.recording is not None else None
        if one.name in limits and not limits[one.name].pin:
            yield one.name, "measured on all CPUs: pin = false"
        elif found is not None and found > PARALLEL and cpus():
            yield one.name, f"measured on all CPUs: it uses {found:.1f} of them"
