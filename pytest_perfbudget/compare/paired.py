"""The comparison with another commit in pairs: head and base run side by side and measure in turns on the same CPU."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_perfbudget.checkout.revision import Base, has_changes, is_head, remark
from pytest_perfbudget.compare.compared import compared
from pytest_perfbudget.compare.components import ComponentChanges
from pytest_perfbudget.compare.confirm import Attempt, Confirmation, confirm, once_more
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Evidence, Origin, Sides
from pytest_perfbudget.compare.instructions import lack_of_instructions
from pytest_perfbudget.compare.late_test import LateTest
from pytest_perfbudget.compare.obstacles import no_namesake, of_other_load, untimed
from pytest_perfbudget.compare.pair_runner import PairRunner
from pytest_perfbudget.compare.pair_task import PairTask
from pytest_perfbudget.compare.progress import Pace, note_screening
from pytest_perfbudget.compare.strategy import AT_RUN_TIME, ComparisonStrategy, MeasurementRequest
from pytest_perfbudget.compare.unpinned import unpinned_measurements
from pytest_perfbudget.core.kinds import NONE
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.paired import PairedSlowdownTest
from pytest_perfbudget.core.pairs import Pair
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.errors import WorkerError, WrongCodeError
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.measure.clock import Clock
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, NoBlocks
from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.processes.protocol import Answer

_LATE_NOTE: Final = (
    "could not be compared beside the session, so it was measured after the last test, one process after the other "
    "(slower, and less precise): "
)
"""The note on such a measurement; the reason follows."""

_OF_ITSELF: Final = (
    "a commit was compared with itself, and no tracked file is changed: a false alarm, unless data or settings that "
    "git does not have differ"
)


class PairedComparison(ComparisonStrategy):
    """The gate against another commit, with `mode = "together"`."""

    def __init__(self, context: ComparisonContext, base: Base, pairs: PairRunner | None = None) -> None:
        self._context = context
        self._base = base
        pinned = "" if cpus() else ", not pinned to a CPU: this system cannot"
        self.against = f"{base.label}{pinned}"
        self.gone = f"{base.ref} has this measurement, and no test collected here does"
        self._relation = self.remark = remark(base)
        self._is_itself = is_head(base) and not has_changes(base)
        self._tests: list[str] = []
        self._done: set[str] = set()
        self._pairs = pairs or PairRunner(context, base)
        self._dies = False
        self._pace = Pace()
        self._components = ComponentChanges(context)
        self._late: dict[str, LateTest] = {}

    def begin(self, nodeids: Iterable[str]) -> None:
        """See `ComparisonStrategy.begin`; `alpha` is shared among these tests."""
        self._tests = list(nodeids)
        self.sharing = len(self._tests)
        if self._tests and not self._context.invocation.collects_only:
            self._pairs.open(self._tests)
            self._note()

    def start(self) -> None:
        """See `ComparisonStrategy.start`."""
        if self._tests:
            self._context.progress.note(f"perf: starting a process of {self._base.ref} and another of the working tree")
            self._pairs.start(self._tests)
            self._context.progress.clear()

    def prepare(self, *, is_last: bool) -> None:
        """See `ComparisonStrategy.prepare`."""
        if self._tests:
            self._pairs.prepare(self._tests, self._done, is_last=is_last)

    def _note(self) -> None:
        """Add notes on the base's checkout to the remark; a test may import generated modules late."""
        self.remark = " ".join(filter(None, [self._relation, *self._pairs.notes]))

    def choice_of_base(self) -> Answer | None:
        """See `ComparisonStrategy.choice_of_base`."""
        return self._pairs.single.choice_of_base() if self._tests else None

    def run_by_base(self, nodeids: Sequence[str]) -> list[Answer]:
        """See `ComparisonStrategy.run_by_base`."""
        seed = self._context.launcher.seed()
        answers = self._pairs.single.answers(nodeids, of_base=True, hash_seed=seed)
        return [one for one in answers if one.nodeid]

    def close(self) -> None:
        """See `ComparisonStrategy.close`."""
        self._pairs.close()

    def request(self, nodeid: str, name: str, effective: EffectiveLimits) -> MeasurementRequest:  # noqa: ARG002
        """See `ComparisonStrategy.request`; the session's own run is not compared."""
        return replace(MeasurementRequest.from_limits(effective, with_cpus=True), is_measured_elsewhere=True)

    def block_policy(self, clock: Clock) -> BlockPolicy | None:  # noqa: ARG002
        """See `ComparisonStrategy.block_policy`."""
        return NoBlocks()

    def settle(
        self, nodeid: str, measurements: Sequence[Measurement], requests: Mapping[str, MeasurementRequest]
    ) -> list[Measurement]:
        """See `ComparisonStrategy.settle`; the screening pair measures the test, and fresh pairs measure suspects."""
        self._done.add(nodeid)
        requests = {one.name: requests[one.name] for one in measurements if one.name in requests}
        if nodeid in self._tests and all(one.kind is NONE for one in measurements):
            self._screen(nodeid, measurements, requests, ())  # notes what only the base measures
        if not requests:
            return list(measurements)
        unpinned = dict(unpinned_measurements(measurements, requests))
        screened, fresh = Attempt[Pair](), Confirmation()
        if not all(_untimed(one) for one in measurements if one.name in requests):
            screened = self._screen(nodeid, measurements, requests, unpinned)
            self._note()
            fresh = self._confirm(nodeid, measurements, requests, unpinned, screened)
        if screened.is_exclusive:
            self._late[nodeid] = LateTest(measurements, requests, screened.problem)
        settled = []
        for one in measurements:
            evidence = self._evidence(one, requests, screened, fresh) if one.name in requests else None
            sides = screened.sides.get(one.name)
            is_asked = sides is not None and requests[one.name].compares_instructions
            lack = lack_of_instructions(sides.base.counts, self._base.ref) if sides is not None and is_asked else ""
            found = compared(one, evidence, self._context.settings.alpha)
            warnings = [*found.warnings, *filter(None, [unpinned.get(one.name), lack])]
            is_pending = screened.is_exclusive and evidence is not None
            settled.append(replace(found, warnings=warnings, is_pending=is_pending))
        task = self._task(nodeid, measurements, requests, unpinned)
        return self._components.explain(nodeid, settled, partial(self._pairs.record_spans, task))

    def finish(self) -> Mapping[str, Sequence[Measurement]]:
        """See `ComparisonStrategy.finish`; tests whose fixtures cannot exist twice are measured sequentially."""
        if not self._late:
            return {}
        from pytest_perfbudget.compare.sequential import SequentialComparison  # noqa: PLC0415 - rarely needed

        self._pairs.end_screening()
        self._pairs.single.is_alone = True
        sequential = SequentialComparison(self._context, self._base, self._pairs)
        sequential.measure(self._late, self._context.settings.alpha * len(self._late) / len(self._tests))
        self._note()
        return {
            nodeid: [_noted(one, test.why) for one in sequential.settle(nodeid, test.measurements, test.requests)]
            for nodeid, test in self._late.items()
        }

    def _slowdown_test(self, requests: Mapping[str, MeasurementRequest], name: str) -> PairedSlowdownTest:
        alpha = self._context.settings.alpha / max(1, self.sharing) / len(requests)
        return PairedSlowdownTest(requests[name].tolerance.share, alpha)

    def _task(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],
        unpinned: Collection[str],
    ) -> PairTask:
        seconds = max((one.max_time_s for one in requests.values()), default=0.0)
        counted = [name for name, one in requests.items() if one.compares_instructions]
        tests = {name: self._slowdown_test(requests, name) for name in requests}
        return replace(
            PairTask.of(nodeid, measurements, seconds, unpinned, counted),
            rules={name: one.rules for name, one in tests.items()},
        )

    def _screen(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],
        unpinned: Collection[str],
    ) -> Attempt[Pair]:
        """Measure a test with the screening pair."""
        if nodeid not in self._tests:
            return Attempt(problem=AT_RUN_TIME)
        self._context.stop_timeout()
        task = self._task(nodeid, measurements, requests, unpinned)
        screen = partial(self._pairs.screen, task, self._tests)
        note_screening(self._context.progress, nodeid, self._context.pace)
        try:
            with self._pace.step():
                return screen() if self._dies else once_more(screen)
        except WorkerError as error:
            self._dies = True  # so later tests get one attempt instead of two
            return Attempt(problem=str(error), is_wrong_code=isinstance(error, WrongCodeError))
        except Exception as error:  # noqa: BLE001 - the test is still running, and may have patched any function
            return Attempt(problem=f"no process of {self._base.ref}: {type(error).__name__}: {error}")
        finally:
            self._context.progress.clear()

    def _confirm(
        self,
        nodeid: str,
        measurements: Sequence[Measurement],
        requests: Mapping[str, MeasurementRequest],
        unpinned: Collection[str],
        screened: Attempt[Pair],
    ) -> Confirmation:
        """Measure the suspects and the grown counts of a test with fresh pairs."""
        gated = [name for name, sides in screened.sides.items() if name in requests and not self._is_skipped(sides)]
        suspects = {
            name: test.after(screened.runs[name])
            for name in gated
            if name in screened.runs and (test := self._slowdown_test(requests, name)).is_suspect(screened.runs[name])
        }
        grown = {
            name: requests[name].tolerance.share
            for name in gated
            if screened.sides[name].any_has_grown(requests[name].tolerance.share)
        }
        if not (suspects or grown):
            return Confirmation()
        task = self._task(nodeid, measurements, requests, unpinned)
        measure = partial(self._pairs.measure, task)
        step_s = self._pairs.fresh_start_s + self._pace.last_s
        return confirm(self._context, nodeid, suspects, grown, measure, step_s=step_s, noun="fresh pair")

    def _is_skipped(self, sides: Sides) -> bool:
        return sides.is_test_changed and self._context.settings.duet.changed_tests == "skip"

    def _evidence(
        self,
        measurement: Measurement,
        requests: Mapping[str, MeasurementRequest],
        screened: Attempt[Pair],
        fresh: Confirmation,
    ) -> Evidence:
        name = measurement.name
        sides = screened.sides.get(name)
        return Evidence(
            self._time(measurement, self._slowdown_test(requests, name), screened, fresh),
            requests[name].tolerance,
            sides,
            fresh.sides(name),
            fresh.problem,
            origin=Origin(self._base.ref, self._base.short),
            in_pairs=True,
            is_skipped=sides is not None and self._is_skipped(sides),
            is_required=requests[name].is_required,
            own_modules=partial(own_modules, self._context.root),
            changed_functions=self._pairs.changed_functions,
        )

    def _obstacle(self, measurement: Measurement, screened: Attempt[Pair]) -> RegressionResult | None:
        """Return the result for a measurement that could not be compared; None if nothing stood in the way."""
        if (why := screened.unlike.get(measurement.name)) is not None:
            if measurement.name in screened.other_loads:
                return of_other_load(self._context, why)
            return untimed(RegressionVerdict.UNMEASURED, why)
        if (untimed_here := _untimed(measurement)) and self._pairs.tests.is_new(measurement.nodeid):
            return no_namesake(self._base.ref, measurement, ())
        if untimed_here:
            return untimed(RegressionVerdict.UNMEASURED, untimed_here)
        if screened.problem:
            verdict = RegressionVerdict.WRONG_CODE if screened.is_wrong_code else RegressionVerdict.UNMEASURED
            return untimed(verdict, screened.problem)
        return None

    def _time(
        self,
        measurement: Measurement,
        slowdown_test: PairedSlowdownTest,
        screened: Attempt[Pair],
        fresh: Confirmation,
    ) -> RegressionResult:
        name = measurement.name
        if (obstacle := self._obstacle(measurement, screened)) is not None:
            return obstacle
        if name in fresh.times:
            found = fresh.times[name]
            is_false = self._is_itself and found.verdict is RegressionVerdict.REGRESSED
            return replace(found, reason=_OF_ITSELF) if is_false else found
        if name in screened.runs:
            return slowdown_test.screened(screened.runs[name])
        if name in screened.sides:
            why = screened.sides[name].head.untimed or screened.sides[name].base.untimed
            return untimed(RegressionVerdict.UNMEASURED, why or f"not timed in turns ({measurement.kind.name})")
        return no_namesake(self._base.ref, measurement, screened.only_base)


def _noted(measurement: Measurement, why_late: str) -> Measurement:
    if all(one.verdict.is_unjudged for one in measurement.changes):
        return measurement
    return replace(measurement, warnings=[*measurement.warnings, f"{_LATE_NOTE}{why_late}"])


def _untimed(measurement: Measurement) -> str:
    """Return the reason why the session's own run cannot be compared; empty if there is no such reason."""
    return measurement.recording.untimed if measurement.recording is not None else ""
