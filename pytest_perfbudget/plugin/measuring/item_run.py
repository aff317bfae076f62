"""One run of one perf test: what it measured, and what became of its budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.core.gate import BudgetGate, Unsupported, unmeasured
from pytest_perfbudget.core.limits import EffectiveLimits, Limits, resolve
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement, Recording
from pytest_perfbudget.core.samples import Samples, describe
from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.probes import judge_counts, profile_call
from pytest_perfbudget.measure.runner import Plan, measure, run_plain
from pytest_perfbudget.measure.subject import Subject
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.collection.kind import NOTHING_MEASURED, PerfTestKind
from pytest_perfbudget.plugin.measuring import pytest_benchmark as benchmark
from pytest_perfbudget.plugin.measuring.perf_fixture import Perf
from pytest_perfbudget.plugin.measuring.recording import planned, recorded
from pytest_perfbudget.plugin.measuring.repeat_body import repeated_body
from pytest_perfbudget.report.view import statistics_order

if TYPE_CHECKING:
    from pytest_perfbudget.compare.strategy import MeasurementRequest
    from pytest_perfbudget.plugin.session import PerfSession


class ItemRun:
    """Collects the measurements of one run of a test and judges them at its end."""

    def __init__(
        self, session: PerfSession, item: pytest.Item, mode: PerfTestKind, warnings: Iterable[str] = ()
    ) -> None:
        self.session = session
        self.item = item
        self.nodeid = nodeid_of(item)
        self.mode = mode
        self.perf = Perf(self)
        self.started_ns = SYSTEM.wall_ns()
        self.finished: list[Measurement] | None = None
        self.closed = False
        self._warnings = list(warnings)
        self._limits = session.limits_of(item)
        self._measurements: list[Measurement] = []
        self._begun: dict[str, Limits] = {}
        self._asked: dict[str, MeasurementRequest] = {}
        self._benchmark: Recording | None = None
        self._benchmark_profile: Sequence[tuple[str, int, float]] = ()
        self.failure: BaseException | None = None
        self._is_repeating = False

    @property
    def is_off(self) -> bool:
        """Whether nothing is to be timed."""
        return self.session.gate == "off"

    def resolve(self, name: str, call: Limits | None = None) -> EffectiveLimits:
        """Return what holds for a measurement of this test."""
        limits = self._limits
        if self.mode is PerfTestKind.BODY and name:
            # The marker's own limits are for the body, not for what a fixture measures before it.
            limits = [one for one in limits if one.name]
        given = [call, *limits] if call else limits
        session = self.session
        return resolve(session.settings, self.nodeid, given, name=name, max_time_ns=session.max_time_ns)

    def begin(self, name: str | None, function: Callable[..., Any], call: Limits, place: str) -> str:
        """Note that a measurement begins, and return its name.

        Args:
            name: the one given; None takes the function's, with a number if that is taken.
            function: what is measured.
            call: the call's own terms.
            place: the call, for a message.
        """
        if self._is_repeating:
            raise MisuseError(f"{place}: the whole body is repeated already: ask for perf as an argument of the test")
        if self.closed:
            raise MisuseError(f"{place}: used after its test has ended: measure within the test or its set-up")
        taken = {*self._begun, *(measurement.name for measurement in self._measurements)}
        if name is None:
            plain = getattr(function, "__name__", type(function).__name__).strip("<>")
            names = (plain if number == 1 else f"{plain}#{number}" for number in range(1, len(taken) + 2))
            name = next(one for one in names if one not in taken)
        elif name in taken:
            message = f"{place}: two measurements of this test are called {name!r}: give each a name of its own"
            raise MisuseError(message)
        self._begun[name] = call
        return name

    async def measure(self, subject: Subject, name: str, kind: str, call: Limits | None = None) -> Any:  # noqa: ANN401
        """Measure a subject, keep what was found, and return the result of its first call."""
        __tracebackhide__ = True
        effective = self.resolve(name, call)
        if self.session.is_child:  # it records; who asked has judged the budgets
            effective = replace(effective, budgets=())
        gate = BudgetGate(effective.budgets, self.session.settings.errors)
        progress = self.session.progress
        asked = self.ask(name, effective)
        plan = planned(Plan(gate, effective.max_time_ns, self.session.clock, progress.show, name=name), asked)
        try:
            outcome = await measure(subject, plan)
            recording = await recorded(subject, outcome, asked, effective.max_time_ns)
            judgements = gate.judge(outcome.samples) + await judge_counts(subject, effective.budgets)
            exceeded = any(judgement.verdict is BudgetVerdict.EXCEEDED for judgement in judgements)
            slower = asked is not None and asked.is_suspect(outcome.samples.blocks)
            profile = await profile_call(subject) if exceeded or slower else []
        finally:
            progress.clear()
        self._keep(name, kind, outcome.samples, effective, judgements=judgements, profile=profile, recording=recording)
        return outcome.result

    def ask(self, name: str, effective: EffectiveLimits) -> MeasurementRequest | None:
        """Return what is wanted of a measurement beyond its budgets; None if that is nothing."""
        comparison = self.session.comparison
        if comparison is None:
            return None
        asked = self._asked[name] = comparison.ask(self.nodeid, name, effective)
        return asked

    def record_benchmark(self, subject: Subject) -> None:
        """Measure what a benchmark fixture was given, to be compared."""
        __tracebackhide__ = True
        effective = self.resolve("")
        asked = self.ask("", effective)
        if asked is None or not (asked.is_timed or asked.most_calls is not None):
            return
        gate = BudgetGate((), self.session.settings.errors)
        plan = planned(Plan(gate, effective.max_time_ns, self.session.clock), asked)
        outcome = run_plain(measure(subject, plan))
        self._benchmark = run_plain(recorded(subject, outcome, asked, effective.max_time_ns))
        if asked.is_suspect(outcome.samples.blocks):
            self._benchmark_profile = run_plain(profile_call(subject))

    def _benchmark_mode(self) -> AbstractContextManager[None]:
        """Return what lets the fixture measure or not: a fresh process only needs what it is given."""
        item = self.item
        return benchmark.disabled(item) if self.is_off or self.session.is_child else benchmark.enabled(item)

    def keep(
        self,
        name: str,
        kind: str,
        samples: Samples,
        effective: EffectiveLimits,
        *,
        unsupported: Unsupported,
        warnings: Sequence[str] = (),
        profile: Sequence[tuple[str, int, float]] = (),
        recording: Recording | None = None,
    ) -> None:
        """Judge rounds that were timed elsewhere, and keep the measurement.

        Args:
            name: the measurement's name.
            kind: how the rounds came about.
            samples: the rounds.
            effective: the budgets that hold.
            unsupported: what this kind of measurement cannot measure, and why.
            warnings: what a reader should know.
            profile: where the time of one call goes, if a reader may want to know.
            recording: what it is compared by.
        """
        gate = BudgetGate(effective.budgets, self.session.settings.errors, unsupported)
        found = [*warnings, *gate.left_out()]
        self._keep(
            name,
            kind,
            samples,
            effective,
            judgements=gate.judge(samples),
            warnings=found,
            profile=profile,
            recording=recording,
        )

    def _keep(
        self,
        name: str,
        kind: str,
        samples: Samples,
        effective: EffectiveLimits,
        *,
        judgements: Sequence[BudgetResult],
        warnings: Sequence[str] = (),
        profile: Sequence[tuple[str, int, float]] = (),
        recording: Recording | None = None,
    ) -> None:
        timed = describe(samples)
        counts = {one.metric: one.estimate for one in judgements if one.unit != "ns" and one.estimate is not None}
        self.add(
            Measurement(
                nodeid=self.nodeid,
                name=name,
                kind=kind,
                component=effective.component,
                rounds=len(samples.wall_ns),
                iterations=samples.iterations,
                overhead_ns=samples.overhead_ns,
                elapsed_ns=samples.elapsed_ns,
                statistics=statistics_order({**timed, **counts}),
                judgements=judgements,
                warnings=[*self._warnings, *warnings],
                profile=profile,
                max_regression=effective.max_regression.share,
                recording=recording,
            )
        )

    def add(self, measurement: Measurement) -> None:
        """Keep a measurement that is judged already."""
        self._begun.pop(measurement.name, None)
        self._measurements.append(measurement)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Let the test's function be the repeated one while it runs, if that is what is measured."""
        item = self.item
        self._limits = self.session.limits_of(item)  # a fixture may have added a marker
        asked = getattr(item, "funcargs", {}).get("perf", self.perf)
        if self.mode is PerfTestKind.FIXTURE and asked is not self.perf:
            # The project has a fixture of that name of its own.
            self.mode = PerfTestKind.BODY if self._limits else PerfTestKind.OTHER
        if self.mode is PerfTestKind.BODY and isinstance(item, pytest.Function) and not self.is_off:
            self._is_repeating = True
            try:
                with repeated_body(item, self._measure_body):
                    yield
            finally:
                self._is_repeating = False
        elif self.mode is PerfTestKind.BENCHMARK:
            with self._benchmark_mode(), benchmark.compared(self):
                yield
        else:
            yield

    def finish(self) -> list[Measurement]:
        """Close the run of a test that passed, and return its measurements, judged."""
        self.perf.finish_timers()
        self.close()
        if self.is_off:
            self.finished = []
            return []
        if self.mode is PerfTestKind.BENCHMARK:
            benchmark.keep(self, self._benchmark, self._benchmark_profile)
        for name, call in list(self._begun.items()):
            self._keep_unmeasured(name, "what it measured raised, or perf.aio was not awaited", call)
        names = {measurement.name: None for measurement in self._measurements}
        if not names and self.mode in NOTHING_MEASURED:
            self._keep_unmeasured("", NOTHING_MEASURED[self.mode])
        elif self._measurements and all(one.kind == "ratio" for one in self._measurements):
            self._keep_unmeasured("", "perf.ratio holds max_ratio only: measure a function with perf(...) for it")
        elif self.mode is PerfTestKind.BODY and "" not in names:
            self._keep_unmeasured("", NOTHING_MEASURED[self.mode])
        for name in dict.fromkeys(limits.name for limits in self._limits if limits.name):
            if name not in names:
                there = ", ".join(map(repr, names)) or "none"
                self._keep_unmeasured(name, f"the test has no measurement of the name {name!r}; it has {there}")
        if self.session.comparison is not None:
            self._measurements = self.session.comparison.settle(self.nodeid, self._measurements, self._asked)
        self.finished = list(self._measurements)
        return self.finished

    def close(self) -> None:
        """Take no further measurements, and let go of timers that were entered and not left."""
        self.perf.abandon_timers()
        self.closed = True

    def _keep_unmeasured(self, name: str, reason: str, call: Limits | None = None) -> None:
        effective = self.resolve(name, call)
        budgets = [budget for budget in effective.budgets if not (budget.general and self._measurements)]
        if budgets:
            judgements = [unmeasured(budget, reason) for budget in budgets]
            self.add(Measurement(self.nodeid, name, "none", effective.component, 0, 1, None, 0, {}, judgements))

    async def _measure_body(self, subject: Subject) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        return await self.measure(subject, "", "body")
