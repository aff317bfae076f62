"""One run of one perf test: its measurements, and the results of their budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.core.gate import BudgetGate, judge_counts
from pytest_perfbudget.core.kinds import BENCHMARK, BODY, MeasurementKind
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode
from pytest_perfbudget.core.precedence import EffectiveLimits, resolve
from pytest_perfbudget.core.results import BudgetVerdict
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.plan import Plan
from pytest_perfbudget.measure.profile import profile_call
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import Subject
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.collection.kind import PerfTestKind
from pytest_perfbudget.plugin.collection.parameters import digest_of
from pytest_perfbudget.plugin.keys import FIXTURES
from pytest_perfbudget.plugin.measuring import pytest_benchmark as benchmark
from pytest_perfbudget.plugin.measuring.begun import BegunMeasurements
from pytest_perfbudget.plugin.measuring.busy_note import with_busy_threads
from pytest_perfbudget.plugin.measuring.kept_measurements import NO_PROFILE, KeptMeasurements
from pytest_perfbudget.plugin.measuring.missing import add_missing, own_limits
from pytest_perfbudget.plugin.measuring.never_judged import refuse_in_marker
from pytest_perfbudget.plugin.measuring.perf_fixture import Perf
from pytest_perfbudget.plugin.measuring.protocols import MeasuringSession
from pytest_perfbudget.plugin.measuring.quiet_output import QuietOutput
from pytest_perfbudget.plugin.measuring.repeat_body import repeated_body
from pytest_perfbudget.plugin.measuring.span_batch import with_batch
from pytest_perfbudget.plugin.measuring.span_watch import span_watch
from pytest_perfbudget.plugin.measuring.subject_data import take_data

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.load_fixture import PerfLoad

_BENCHMARK_S: Final = 0.1
"""The time in s for pytest-benchmark's own rounds beside a comparison with the baseline, if no budget needs them."""


class ItemRun:
    """A run of a perf test, which collects the measurements and has them compared at the end of the test."""

    def __init__(
        self, session: MeasuringSession, item: pytest.Item, kind: PerfTestKind, warnings: Iterable[str] = ()
    ) -> None:
        self.session = session
        self.item = item
        self.nodeid = nodeid_of(item)
        self.kind = kind
        self.perf = Perf(self)
        self._load: PerfLoad | None = None
        self.started_ns = SYSTEM.wall_ns()
        self.finished: list[Measurement] | None = None
        self.failure: BaseException | None = None
        self.closed = False
        self._limits = session.limits_of(item)
        self._begun = BegunMeasurements(item.config.rootpath)
        self._requests: dict[str, MeasurementRequest] = {}
        self._benchmark = benchmark.BenchmarkData()
        self._is_repeating = False
        parameters = digest_of(item)
        self.kept = KeptMeasurements(
            item,
            session.settings.errors,
            self._begun,
            parameters=parameters,
            cases=session.cases_of(item) if parameters else (),
            warnings=warnings,
            is_child=session.is_child,
        )
        self._output = QuietOutput(item, partial(session.relaxed_timeout, item))

    @property
    def load(self) -> PerfLoad:
        """The fixture `perf_load` of this test."""
        if self._load is None:
            from pytest_perfbudget.plugin.measuring.load_fixture import PerfLoad  # noqa: PLC0415 - few tests need it

            self._load = PerfLoad(self)
        return self._load

    @property
    def is_off(self) -> bool:
        """Whether the gate is off."""
        return self.session.policy.gate is GateMode.OFF

    @property
    def is_untimed(self) -> bool:
        """Whether nothing is timed: the gate is off, or another plugin times, traces or multiplies the test."""
        return self.is_off or self.kind is PerfTestKind.FOREIGN

    def resolve(self, name: str, call: Limits | None = None) -> EffectiveLimits:
        """Return the limits that hold for a measurement of this test."""
        limits = self._limits
        if self.kind is PerfTestKind.BODY and name:
            # A marker without a name limits the body, not the measurements that a fixture makes before the body.
            limits = [one for one in limits if one.name]
        session = self.session
        given = [
            replace(one, name=session.name_of(one.name)) if one.name else one
            for one in ([call, *limits] if call else limits)
        ]
        found = resolve(session.settings, self.nodeid, given, name=name, max_time_ns=session.max_time_ns)
        if session.is_child:
            self.kept.note_limits(name, found)
        if session.base_policy is None:
            return found
        is_body = self.kind is PerfTestKind.BODY
        found, loosened = session.base_policy.hold(found, self.nodeid, name, is_body=is_body)
        # The command line, which gives the time of the head and of the base, takes precedence over the base's limit.
        return replace(found, loosened=loosened, max_time_ns=session.max_time_ns or found.max_time_ns)

    def begin(
        self,
        name: str | None,
        function: Callable[..., Any],
        call: Limits,
        place: str,
        *,
        args: Sequence[object] = (),
        is_awaited: bool = True,
    ) -> str:
        """Note that a measurement begins, and return its name; see `BegunMeasurements.begin`."""
        if self._is_repeating:
            raise MisuseError(f"{place}: the whole body is repeated already: ask for perf as an argument of the test")
        if self.closed:
            raise MisuseError(f"{place}: used after its test has ended: measure within the test or its set-up")
        kept = [one.name for one in self.kept.found]
        given = None if name is None else self.session.name_of(name)
        compared = None if self.session.comparison is None else args
        return self._begun.begin(given, function, call, place, kept, args=compared, is_awaited=is_awaited)

    def note_awaited(self, name: str) -> None:
        """Note that the coroutine of a measurement is awaited."""
        self._begun.note_awaited(name)

    async def measure(self, subject: Subject, name: str, kind: MeasurementKind, call: Limits | None = None) -> Any:  # noqa: ANN401
        """Measure a subject, keep the measurement, and return the result of the first call."""
        __tracebackhide__ = True
        self._begun.note_awaited(name)
        with self._begun.running(name):
            return await self._measure(subject, name, kind, call)

    async def _measure(self, subject: Subject, name: str, kind: MeasurementKind, call: Limits | None) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        session = self.session
        effective = self.resolve(name, call)
        if session.is_child:  # a fresh process only records; the session that started it has judged the budgets
            effective = replace(effective, budgets=())
        gate = BudgetGate(effective.budgets, session.settings.errors, kind)
        silence = self._output.silence
        request = self.request(name, effective)
        watch = span_watch(self, effective, session.clock, request)
        plan = Plan(
            gate,
            effective.max_time_ns,
            session.clock,
            session.progress.show,
            name=name,
            silence=silence,
            fewest_rounds=session.fewest_rounds,
            most_rounds=effective.max_rounds,
            more_blocks=session.more_blocks,
        )
        try:
            data = await take_data(watch.subject(subject), watch.plan(plan), effective.budgets, request)
            await watch.own_rounds(subject, plan)
            spans = watch.judged()
            recording = None if data.recording is None else watch.completed(data.recording)
            recording = await with_batch(self, subject, recording, request, silence)
            results = [*gate.judge(data.samples), *judge_counts(effective.budgets, data.counted), *spans.results]
            exceeded = any(one.verdict is BudgetVerdict.EXCEEDED for one in results)
            with silence():
                profile = await profile_call(subject, session.clock) if exceeded or data.looks_slower else NO_PROFILE
        finally:
            session.progress.clear()
        self.kept.keep_judged(
            name,
            kind,
            data.samples,
            effective,
            results=results,
            warnings=spans.warnings,
            profile=profile,
            recording=recording,
            spans=spans.facts,
        )
        return data.result

    def request(self, name: str, effective: EffectiveLimits) -> MeasurementRequest | None:
        """Return the comparison's request to a measurement; None if nothing is compared."""
        comparison = self.session.comparison
        if comparison is None:
            return None
        found = self._requests[name] = comparison.request(self.nodeid, name, effective)
        return found

    def record_benchmark(self, subject: Subject, samples: Samples | None) -> None:
        """Measure the function that a benchmark fixture was given, for the comparison and for its spans.

        Args:
            subject: the function with its arguments.
            samples: the fixture's own rounds, which may exceed a budget; None if they are no times.
        """
        __tracebackhide__ = True
        effective = self.resolve("")
        gate, silence = BudgetGate((), self.session.settings.errors), self._output.silence
        plan = Plan(gate, effective.max_time_ns, self.session.clock, silence=silence)
        looks_bad = samples is not None and not self.session.is_child and self._is_exceeded(samples, effective)
        request = self.request("", effective)
        watch = span_watch(self, effective, self.session.clock, request)
        run_plain(watch.own_rounds(subject, plan))
        recording = None
        with silence():
            if request is not None and request.wants_data:
                data = run_plain(take_data(watch.subject(subject), watch.plan(plan), (), request))
                recording = data.recording
                looks_bad = looks_bad or data.looks_slower
            if looks_bad:
                self._benchmark.profile = run_plain(profile_call(subject, self.session.clock))
        spans = watch.judged()
        self._benchmark.spans = spans if spans.facts is not None else None
        if recording is not None:
            recording = watch.completed(recording)
            self._benchmark.recording = run_plain(with_batch(self, subject, recording, request, silence))

    def _is_exceeded(self, samples: Samples, effective: EffectiveLimits) -> bool:
        results = BudgetGate(effective.budgets, self.session.settings.errors, BENCHMARK).judge(samples)
        return any(one.verdict is BudgetVerdict.EXCEEDED for one in results)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Replace the test's function, or follow the benchmark fixture, while the test's body runs; else do nothing."""
        item = self.item
        self._limits = self.session.limits_of(item)  # a fixture may have added a marker
        given = getattr(item, "funcargs", {})
        asked = [given[name] for name in FIXTURES if name in given]
        if (
            self.kind is PerfTestKind.FIXTURE
            and asked
            and not any(one is self.perf or one is self._load for one in asked)
        ):
            # A parametrization or a fixture of the project has the name of a fixture.
            self.kind = PerfTestKind.BODY if self._limits else PerfTestKind.OTHER
        if self.kind is PerfTestKind.BODY and isinstance(item, pytest.Function) and not self.is_off:
            self._is_repeating = True
            try:
                with repeated_body(item, self._measure_body, self._output.quiet_arguments):
                    yield
            finally:
                self._is_repeating = False
        elif self.kind is PerfTestKind.BENCHMARK:
            seconds = self._benchmark_seconds()
            few = benchmark.watched(self, self._benchmark, is_brief=seconds == 0.0)
            with self._benchmark_mode(seconds), few:
                yield
        else:
            yield

    def finish(self) -> list[Measurement]:
        """Close the run of a test that passed, and return the judged measurements."""
        self.perf.finish_timers()
        self.close()
        if self._begun.refusal:
            raise MisuseError(self._begun.refusal)
        if self.is_off:
            self.finished = []
            return []
        if self.kind is PerfTestKind.BENCHMARK:
            benchmark.keep(self, self._benchmark)
        add_missing(self, self.kind, self._limits, self._begun.raised())
        refuse_in_marker(own_limits(self, self._limits), self.kept.found)
        if self.session.comparison is not None:
            with self.session.busy_threads.watched(self.nodeid) as busy:
                settled = self.session.comparison.settle(self.nodeid, self.kept.found, self._requests)
            settled = with_busy_threads(settled, busy)
            if self.session.changed_tests is not None:
                self.session.changed_tests.note(self.nodeid, self.kept.found, self._requests, settled)
            self.kept.found = settled
        self.finished = list(self.kept.found)
        return self.finished

    def exceeded(self) -> list[Measurement]:
        """Close the run of a test that skips its rest, and return the measurements that exceed a limit already."""
        self.close()
        self.finished = self.kept.exceeded()
        return self.finished

    def close(self) -> None:
        """Refuse further measurements, and end the timers whose block was never left."""
        self.perf.abandon_timers()
        self.closed = True

    def _benchmark_mode(self, seconds: float | None) -> AbstractContextManager[None]:
        """Return a context in which the fixture measures as it is set, measures briefly, or does not measure."""
        if self.is_off:
            return benchmark.disabled(self.item)
        if seconds is not None:
            return benchmark.brief(self.item, seconds)
        return benchmark.enabled(self.item)

    def _benchmark_seconds(self) -> float | None:
        """Return the time in s for the fixture's rounds, if nobody needs more of them; None for as many as are set.

        Other processes compare with a commit. In a comparison with the baseline, the blocks after the rounds compare,
        and the rounds are numbers of the table and of the history.
        """
        if self.session.is_child:
            return 0.0
        is_compared = self.session.comparison is not None
        if not is_compared or benchmark.are_rounds_needed(self.item) or self.resolve("").budgets:
            return None
        return _BENCHMARK_S if self.item.config.option.perf_against is None else 0.0

    async def _measure_body(self, subject: Subject) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        return await self.measure(subject, "", BODY)
