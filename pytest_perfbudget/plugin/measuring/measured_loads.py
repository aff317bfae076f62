"""The loads of a test as measurements: each is generated, compared, judged and kept."""

from __future__ import annotations

import importlib
from dataclasses import replace

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.capacity_gate import judge_capacity, refused_in_search
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.load.capacity import CapacitySearch
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import CapacityResult, LoadResult
from pytest_perfbudget.core.load_errors import count_errors
from pytest_perfbudget.core.metrics import CAPACITY
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.process_watch import ProcessWatch
from pytest_perfbudget.measure.load.recorder import LoadRecorder, ThreadRecorder
from pytest_perfbudget.measure.load.turns import load_in_turns
from pytest_perfbudget.plugin.measuring.capacity import Probes
from pytest_perfbudget.plugin.measuring.judged_spans import NO_SPANS, JudgedSpans
from pytest_perfbudget.plugin.measuring.load_canaries import CanaryWatch
from pytest_perfbudget.plugin.measuring.load_driver import LoadDriver
from pytest_perfbudget.plugin.measuring.load_run import LoadLooks, judged_load
from pytest_perfbudget.plugin.measuring.never_judged import refuse_in_call
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.plugin.measuring.span_watch import SpanWatch, span_watch
from pytest_perfbudget.report.capacity import no_rate_text

_ONCE = LoadPlan(users=1, requests=1)
"""The load of a process that measures another part of the test."""


class MeasuredLoads:
    """The loads of one test.

    Args:
        run: the run of the test.
    """

    def __init__(self, run: MeasuringRun) -> None:
        self._run = run
        self._driver = LoadDriver(run.session.progress)

    @property
    def recorder(self) -> LoadRecorder | None:
        """The recorder of the load that runs; None between loads."""
        return self._driver.recorder

    def search(self, search: Probes, call: LoadCall, name: str, effective: EffectiveLimits) -> CapacityResult:
        """Search for the capacity of a service with plain calls."""
        __tracebackhide__ = True
        with self._run.kept.awaited(name, call.place):
            found, late = self._driver.drive(search, call)
        return self._keep_capacity(found, late, name, effective, call.place)

    async def search_async(
        self, search: Probes, call: LoadCall, name: str, effective: EffectiveLimits
    ) -> CapacityResult:
        """Search for the capacity of a service with coroutines."""
        __tracebackhide__ = True
        if not self._run.is_untimed:
            self._run.note_awaited(name)
        with self._run.kept.awaited(name, call.place):
            found, late = await self._driver.drive_async(search, call)
        return self._keep_capacity(found, late, name, effective, call.place)

    def _keep_capacity(
        self, search: CapacitySearch, late: str, name: str, effective: EffectiveLimits, place: str
    ) -> CapacityResult:
        if not self._run.is_untimed and not self._run.session.is_child:
            limits = [one for one in effective.budgets if one.metric is CAPACITY]
            results = [judge_capacity(one, search, late) for one in limits]
            results += refused_in_search(effective.budgets)
            broken = search.broken
            ended = late or search.ended_early
            notes = [f"the search ended early: {ended}"] if ended else []
            notes += [f"at {broken.rate:,.4g} requests per second: {broken.reason}"] if broken else []
            self._run.kept.add(
                replace(
                    self._run.kept.blank(name, LOAD, effective),
                    rounds=len(search.probes),
                    elapsed_ns=search.elapsed_ns,
                    statistics={CAPACITY.name: search.estimate},
                    budgets=results,
                    warnings=notes,
                    errors=broken.errors if broken else (),
                )
            )
            is_exceeded = any(one.verdict is BudgetVerdict.EXCEEDED for one in results)
            if not (search.lower or late or is_exceeded):
                raise self._run.kept.refused(f"{place}: {no_rate_text(search)}")
        self._driver.raise_failed_check()
        return CapacityResult.of(search)

    def generate(
        self, plan: LoadPlan, call: LoadCall, name: str, limits: Limits, watch: ProcessWatch | None
    ) -> LoadResult:
        """Generate a load of plain calls, and keep it."""
        __tracebackhide__ = True
        compared = self._compared(plan, name, limits)
        if compared is not None and compared.turns is not None:
            watch_of_turns = self._in_turns(compared, name, limits)
            windows = load_in_turns(plan, name, compared.turns, watch_of_turns.end_of_window)
            with watch_of_turns.listening(), self._run.kept.awaited(name, call.place):
                recording, record = self._driver.drive(windows, watch_of_turns.load(call, is_async=False))
            return self._keep_recording(watch_of_turns, recording, record, name, limits)
        recorder = ThreadRecorder()
        look = LoadLooks(self._run, recorder, plan, name, limits)
        watched = CanaryWatch(compared)
        spans = span_watch(self._run, self._run.resolve(name, limits), SYSTEM, compared, is_load=True)
        with spans.listening(), self._run.kept.awaited(name, call.place):
            request = spans.load(call, is_async=False)
            record = self._driver.generate(self._own_part(plan, compared), request, recorder, look, watch)
            if not record.requests:
                raise call.no_request(plan)
        judged = spans.judged(load_begin_ns=recorder.begin_ns)
        return self.keep(record, name, limits, _completed(watched.recording(record), spans), spans=judged)

    async def generate_async(
        self, plan: LoadPlan, call: LoadCall, name: str, limits: Limits, watch: ProcessWatch | None
    ) -> LoadResult:
        """Generate a load of coroutines, and keep it."""
        __tracebackhide__ = True
        if not self._run.is_untimed:
            self._run.note_awaited(name)
        compared = self._compared(plan, name, limits)
        if compared is not None and compared.turns is not None:
            watch_of_turns = self._in_turns(compared, name, limits)
            windows = load_in_turns(plan, name, compared.turns, watch_of_turns.end_of_window)
            with watch_of_turns.listening(), self._run.kept.awaited(name, call.place):
                recording, record = await self._driver.drive_async(windows, watch_of_turns.load(call, is_async=True))
            return self._keep_recording(watch_of_turns, recording, record, name, limits)
        recorder = LoadRecorder()
        look = LoadLooks(self._run, recorder, plan, name, limits)
        watched = CanaryWatch(compared)
        spans = span_watch(self._run, self._run.resolve(name, limits), SYSTEM, compared, is_load=True)
        with spans.listening(), self._run.kept.awaited(name, call.place):
            request = spans.load(call, is_async=True)
            record = await self._driver.generate_async(self._own_part(plan, compared), request, recorder, look, watch)
            if not record.requests:
                raise call.no_request(plan)
        judged = spans.judged(load_begin_ns=recorder.begin_ns)
        return self.keep(record, name, limits, _completed(watched.recording(record), spans), spans=judged)

    def begin(
        self, plan: LoadPlan, call: LoadCall, name: str | None, limits: Limits, place: str, *, is_awaited: bool
    ) -> tuple[str, LoadPlan]:
        """Return the name of the measurement, and the load to generate: one request if nothing is timed."""
        if self.recorder is not None:
            raise self._run.kept.refused(f"{place}: another load of this test is running: await one before the next")
        importlib.import_module("scipy.special")  # a look at the running load needs it, and the import takes 0.3 s
        if self._run.is_untimed:
            return name or "", _ONCE
        return self._run.begin(name, call.function, limits, place, is_awaited=is_awaited), plan

    def refuse_never_judged(
        self, limits: Limits, place: str, *, has_process: bool = False, is_search: bool = False
    ) -> None:
        """Refuse limits that can never be judged, with an error that names the place."""
        if not self._run.session.is_child:  # a fresh process judges nothing
            refuse_in_call(limits, place, LOAD, has_process=has_process, is_search=is_search)

    def _compared(self, plan: LoadPlan, name: str, limits: Limits) -> MeasurementRequest | None:
        """Return the comparison's request to a load; None if the load is not compared."""
        if self._run.is_untimed or not plan.is_steady:
            return None
        effective = self._run.resolve(name, limits)
        # In a duet, both sides generate the load's time between them.
        seconds_ns = max(2 * (plan.duration_ns + plan.warm_up_ns), effective.max_time_ns)
        return self._run.request(name, replace(effective, max_time_ns=seconds_ns))

    def _own_part(self, plan: LoadPlan, compared: MeasurementRequest | None) -> LoadPlan:
        """Return the load that this process generates: one request in a fresh process that measures another part."""
        return _ONCE if self._run.session.is_child and compared is None else plan

    def _in_turns(self, compared: MeasurementRequest, name: str, limits: Limits) -> SpanWatch:
        """Return the watch over the spans of a load in the turns of a duet."""
        return span_watch(self._run, self._run.resolve(name, limits), SYSTEM, compared, is_load=True)

    def _keep_recording(
        self, spans: SpanWatch, recording: Recording, record: LoadRecord, name: str, limits: Limits
    ) -> LoadResult:
        """Keep the recording of a process of a duet, which judges nothing."""
        __tracebackhide__ = True
        spans.judged()
        recording = spans.completed(recording)
        blank = self._run.kept.blank(name, LOAD, self._run.resolve(name, limits))
        self._run.kept.add(replace(blank, recording=self._run.kept.completed(recording, name, LOAD)))
        self._driver.raise_failed_check()
        return LoadResult.of(record)

    def keep(
        self,
        record: LoadRecord,
        name: str,
        limits: Limits,
        recording: Recording | None,
        spans: JudgedSpans = NO_SPANS,
    ) -> LoadResult:
        """Keep a load that has ended as a measurement, judged."""
        __tracebackhide__ = True
        if not self._run.is_untimed:
            effective = self._run.resolve(name, limits)
            if self._run.session.is_child:  # a fresh process only records
                effective = replace(effective, budgets=())
                recording = None if recording is None else replace(recording, load_errors=count_errors(record))
            doubts = [*self._driver.unfinished(), *spans.warnings]
            found = judged_load(self._run, record, name, effective, recording, *doubts)
            self._run.kept.add(replace(found, budgets=[*found.budgets, *spans.results], spans=spans.facts))
        self._driver.raise_failed_check()
        return LoadResult.of(record)


def _completed(recording: Recording | None, spans: SpanWatch) -> Recording | None:
    """Return the recording of a load with its spans; None if the load is not compared."""
    return None if recording is None else spans.completed(recording)
