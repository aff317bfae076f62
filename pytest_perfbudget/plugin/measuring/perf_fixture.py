"""The `perf` fixture: calls, coroutines, timers and ratios within a test."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.budgets import Budget, checked_limit, merge_budgets
from pytest_perfbudget.core.gate import budget_result
from pytest_perfbudget.core.kinds import CALL, RATIO, TIMER, MeasurementKind
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.metrics import KEYWORDS
from pytest_perfbudget.core.metrics import RATIO as RATIO_METRIC
from pytest_perfbudget.core.ratio import decide_ratio, is_enough
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.round_times import RoundTimes
from pytest_perfbudget.core.span_budgets import merge_span_budgets
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError, MisuseError, shown
from pytest_perfbudget.measure.clock import overhead_ns
from pytest_perfbudget.measure.ratio import measure_ratio
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject
from pytest_perfbudget.measure.timer import Timer, TimerRounds
from pytest_perfbudget.measure.timer_blocks import BlockPolicy, TurnBlocks
from pytest_perfbudget.plugin.measuring.never_judged import refuse_in_call
from pytest_perfbudget.plugin.measuring.place import calling_place
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.plugin.measuring.timer_spans import TimerSpans

_T = TypeVar("_T")
_MORE = ("name", "setup")
_SETTINGS = {"component", "max_time", "max_regression", "max_drift", "pin", "unmeasured", "spans", "count_instructions"}


class Perf:
    """The `perf` fixture, which measures functions, coroutines and blocks of code within one test.

    Every limit is a budget keyword (`p95_ms=50`); `component=` and `max_time=` may stand beside it. Measurements fail
    the test only after its body has ended, all of them together.
    """

    def __init__(self, run: MeasuringRun) -> None:
        self._run = run
        self._timers: dict[str, TimerRounds] = {}
        self._timer_spans = TimerSpans(run)
        self._block_policy: BlockPolicy | None = None

    def __call__(
        self,
        function: Callable[..., _T],
        /,
        *args: Any,  # noqa: ANN401 - the arguments of any function
        name: str | None = None,
        setup: Callable[[], Any] | None = None,
        **limits: Any,  # noqa: ANN401 - checked by parse_limits
    ) -> _T:
        """Time `function(*args)` and return the result of the first call.

        Args:
            function: a plain function; bind keyword arguments with `functools.partial`.
            args: the positional arguments of the function.
            name: the measurement's name; by default the function's name.
            setup: a function that is called before every round, untimed. It returns None, or `(args, kwargs)` for
                that round.
            limits: budgets, `spans=`, `component=`, `max_time=`.

        Raises:
            MisuseError: `function` is not callable, or is a coroutine or generator function. The test fails.
        """
        __tracebackhide__ = True
        place = self._place("perf()")
        _refuse_unrunnable(function, place)
        _refuse_no_function("setup", setup, place)
        call = self._limits("perf()", CALL, name, limits)
        subject = PlainSubject(function, (args, {}), setup)
        if self._run.is_untimed:
            return run_plain(subject.once())  # type: ignore[no-any-return]
        own = self._run.begin(name, function, call, place, args=args)
        try:
            return run_plain(self._run.measure(subject, own, CALL, call))  # type: ignore[no-any-return]
        except MisuseError as error:
            said = str(error)
            message = said if said.startswith(place) else f"{place}: {said.removeprefix('perf: ')}"
            raise MisuseError(message) from None

    def aio(
        self,
        function: Callable[..., Awaitable[_T]],
        /,
        *args: Any,  # noqa: ANN401
        name: str | None = None,
        setup: Callable[[], Any] | None = None,
        **limits: Any,  # noqa: ANN401
    ) -> Awaitable[_T]:
        """Time `await function(*args)` in the running event loop; see `__call__`.

        `setup` may be a coroutine function, too.
        """
        __tracebackhide__ = True
        _refuse_no_function("setup", setup, self._place("perf.aio()"))
        call = self._limits("perf.aio()", CALL, name, limits)
        subject = AsyncSubject(function, (args, {}), setup)
        if self._run.is_untimed:
            return subject.once()
        # Noted before the `await`, so that a forgotten `await` shows as a missing measurement at the end of the test.
        own = self._run.begin(name, function, call, self._place("perf.aio()"), args=args, is_awaited=False)
        return self._run.measure(subject, own, CALL, call)

    def timer(self, name: str = "", **limits: Any) -> AbstractContextManager[None]:  # noqa: ANN401
        """Return a context manager that times its block once; all blocks with the same name are one measurement.

        Put the block into a loop for more rounds: p95 needs 59 rounds. Garbage collection is off within the block.
        """
        if not isinstance(name, str) or not name:
            message = f"{self._place('perf.timer()')}: give the block a name, such as perf.timer('parse')"
            raise MisuseError(message)
        call = self._limits("perf.timer()", TIMER, name, limits)
        if name not in self._timers:
            own = self._run.begin(name, self.timer, call, self._place("perf.timer()"))
            self._timers[name] = TimerRounds(own, self._run.session.clock)
            if self._run.session.comparison is not None:
                self._block_policy = self._block_policy or self._run.session.comparison.block_policy(
                    self._run.session.clock
                )
                self._timers[name].block_policy = self._block_policy
        record = self._timers[name]
        if limits or record.effective is None:
            # The limits of all calls with the same name hold together; the latest limit on a metric wins.
            record.limits = Limits(
                tuple(merge_budgets(call.budgets, record.limits.budgets)),
                call.component or record.limits.component,
                call.max_time_ns or record.limits.max_time_ns,
                name,
                call.max_regression or record.limits.max_regression,
                record.limits.pin if call.pin is None else call.pin,
                call.unmeasured or record.limits.unmeasured,
                merge_span_budgets(call.spans, record.limits.spans),
                max_drift=call.max_drift or record.limits.max_drift,
            )
            record.effective = self._run.resolve(record.name, record.limits)
            is_in_turns = isinstance(self._block_policy, TurnBlocks)
            if self._timer_spans.watch(record.name, record.effective, is_in_turns=is_in_turns):
                record.spans = partial(self._timer_spans.block, record.name)
        return Timer(record)

    def ratio(
        self,
        new: Callable[[], object],
        reference: Callable[[], object],
        /,
        *,
        max_ratio: float | None = None,
        name: str | None = None,
        **limits: Any,  # noqa: ANN401
    ) -> float:
        """Compare the times of two functions in alternating blocks; return new / reference.

        Both are called without arguments, in this process, so the machine's speed cancels out.

        Args:
            new: the function that has a budget.
            reference: the function that `new` is compared with.
            max_ratio: the largest ratio allowed; 0.5 means that `new` has to be twice as fast.
            name: the measurement's name; by default the name of `new`.
            limits: `component=`, `max_time=`.
        """
        __tracebackhide__ = True
        place = "perf.ratio()"
        for function in (new, reference):
            _refuse_unrunnable(function, place)
        call = self._limits(place, None, name, limits)
        if max_ratio is None:
            message = f"{self._place(place)}: give the largest ratio allowed, such as max_ratio=0.5"
            raise MisuseError(message)
        limit = checked_limit("max_ratio", max_ratio, self._place(place))
        if call.budgets or call.spans:
            found = call.budgets[0].keyword if call.budgets else "spans"
            message = f"{self._place(place)}: takes max_ratio only, found {found}: budget it with perf()"
            raise MisuseError(message)
        if self._run.is_untimed:
            for function in (new, reference):
                function()
            return 1.0
        own = self._run.begin(name, new, call, self._place(place))
        budget = Budget(RATIO_METRIC, limit, "max_ratio", self._place(place))
        return self._ratio(new, reference, budget, own, call)

    def abandon_timers(self) -> None:
        """End the timers whose block was never left, and switch garbage collection on again."""
        for record in self._timers.values():
            record.abandon()

    def finish_timers(self) -> None:
        """Hand the rounds of all timers to the run, after the test's body has ended."""
        for record in self._timers.values():
            name, effective = record.name, record.effective
            if effective is None or self._run.is_untimed:
                continue
            warnings = ["a tracer or profiler was active: its cost is in these times"] if record.traced else []
            samples = record.samples()
            recording = (
                Recording(
                    samples.blocks,
                    turns=samples.turns,
                    cpus=record.cpus,
                    uncounted=TIMER.why_not,
                    rounds=RoundTimes.of(samples.wall_ns, samples.iterations, samples.waited_ns),
                )
                if self._run.request(name, effective) is not None
                else None
            )
            spans = self._timer_spans.judged(name, effective)
            if recording is not None:
                recording = self._timer_spans.completed(name, recording, record.parts)
            self._run.kept.keep(name, TIMER, samples, effective, warnings=warnings, recording=recording, spans=spans)
        self.abandon_timers()
        self._timers.clear()

    def _ratio(
        self, new: Callable[[], object], reference: Callable[[], object], budget: Budget, name: str, call: Limits
    ) -> float:
        __tracebackhide__ = True
        effective = self._run.resolve(name, call)
        errors = self._run.session.settings.errors
        clock = self._run.session.clock
        enough = partial(is_enough, limit=budget.limit, errors=errors)
        subjects = PlainSubject(new), PlainSubject(reference)
        found = run_plain(measure_ratio(*subjects, enough, max_time_ns=effective.max_time_ns, clock=clock))
        decided = decide_ratio(found.log_ratios, budget.limit, errors)
        statistics = {"ratio": decided.estimate, "median": found.new_ns, "reference_median": found.reference_ns}
        self._run.kept.add(
            replace(
                self._run.kept.blank(name, RATIO, effective),
                rounds=len(found.log_ratios),
                iterations=found.iterations,
                overhead_ns=overhead_ns(clock),
                elapsed_ns=found.elapsed_ns,
                statistics=statistics,
                budgets=[budget_result(budget, decided)],
            )
        )
        return decided.estimate

    def _limits(self, what: str, kind: MeasurementKind | None, name: str | None, limits: dict[str, object]) -> Limits:
        """Return the limits of a call; `kind` is None if the caller checks by itself which limits it can judge."""
        if not limits:
            return Limits()
        place = self._place(what)
        try:
            # The limits of the call come before those of markers that name its measurement, because the call is nearer.
            found = parse_limits(limits, place, name=name, more=_MORE)
        except ConfigError as error:
            unknown = limits.keys() - KEYWORDS.keys() - _SETTINGS
            foreign = [key for key in unknown if key.partition("_")[2] not in NS_PER]
            hint = "; keywords of the function itself go into functools.partial" if foreign else ""
            message = f"{error}{hint}"
            raise MisuseError(message) from None
        if kind is not None and not self._run.session.is_child:  # a fresh process judges nothing
            refuse_in_call(found, place, kind)
        return found

    def _place(self, what: str) -> str:
        """Return the calling line of the test, such as `perf() in tests/test_api.py:31`."""
        return calling_place(what, self._run.item.config.rootpath, [__file__])


def _refuse_no_function(keyword: str, given: object, place: str) -> None:
    """Refuse the value of a keyword that takes a function."""
    if given is not None and not callable(given):
        message = f"{place}: {keyword}= must be a function, found {shown(given)}"
        raise MisuseError(message)


def _refuse_unrunnable(function: object, what: str = "perf()") -> None:
    """Refuse an object that is no function, and a function whose call does not run its body."""
    name = getattr(function, "__name__", repr(function))
    if not callable(function):
        message = f"{what}: expected a function, found {shown(function)}: write perf(fn, *args), not perf(fn(*args))"
        raise MisuseError(message)
    if inspect.iscoroutinefunction(function):
        message = f"{what}: {name} is a coroutine function: write `await perf.aio({name}, ...)` in an async test"
        raise MisuseError(message)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        consume = f"consume it, perf(lambda: list({name}(...)))"
        message = f"{what}: {name} is a generator function, its body would not run: {consume}"
        raise MisuseError(message)
