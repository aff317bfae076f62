"""What the `perf` fixture gives to a test."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_perfbudget.config import parse_limits
from pytest_perfbudget.core.budgets import KEYWORDS, Budget, Metric, Resource, checked_limit, merge_budgets
from pytest_perfbudget.core.gate import judgement
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.results import Measurement, Recording
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.errors import ConfigError, MisuseError
from pytest_perfbudget.measure.clock import overhead_ns
from pytest_perfbudget.measure.ratio import compare_ratio
from pytest_perfbudget.measure.runner import run_plain
from pytest_perfbudget.measure.subject import AsyncSubject, PlainSubject
from pytest_perfbudget.measure.timer import UNSUPPORTED, Timer, TimerRounds
from pytest_perfbudget.measure.timer_blocks import BlockPolicy

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.item_run import ItemRun

_T = TypeVar("_T")
_MORE = ("name", "setup")


class Perf:
    """Measures functions, coroutines and blocks of code within one test.

    Every limit is a budget keyword (`p95_ms=50`); `component=` and `max_time=` may stand beside it.
    What was measured is judged when the test's body has ended, all of it together.
    """

    def __init__(self, run: ItemRun) -> None:
        self._run = run
        self._timers: dict[str, TimerRounds] = {}
        self._block_policy: BlockPolicy | None = None

    def __call__(
        self,
        function: Callable[..., _T],
        /,
        *args: Any,  # noqa: ANN401 - they are the function's
        name: str | None = None,
        setup: Callable[[], Any] | None = None,
        **limits: Any,  # noqa: ANN401 - checked by parse_terms
    ) -> _T:
        """Time `function(*args)` and return what its first call returned.

        Args:
            function: a plain function; bind keyword arguments with `functools.partial`.
            args: its positional arguments.
            name: the measurement's name; the function's if not given.
            setup: called before every round, untimed. It returns None, or `(args, kwargs)` for
                that round.
            limits: budgets, `component=`, `max_time=`.

        Raises:
            MisuseError: the function is a coroutine or generator function. It fails the test.
        """
        __tracebackhide__ = True
        _refuse_unrunnable(function)
        call = self._limits("perf()", name, limits)
        subject = PlainSubject(function, (args, {}), setup)
        if self._run.is_off:
            return run_plain(subject.once())  # type: ignore[no-any-return]
        own = self._run.begin(name, function, call, self._place("perf()"))
        return run_plain(self._run.measure(subject, own, "call", call))  # type: ignore[no-any-return]

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
        call = self._limits("perf.aio()", name, limits)
        subject = AsyncSubject(function, (args, {}), setup)
        if self._run.is_off:
            return subject.once()
        # Noted before it is awaited, so that a forgotten `await` is missed at the end of the test.
        own = self._run.begin(name, function, call, self._place("perf.aio()"))
        return self._run.measure(subject, own, "call", call)

    def timer(self, name: str, **limits: Any) -> AbstractContextManager[None]:  # noqa: ANN401
        """Return a context manager that times its block once; all blocks of a name are one measurement.

        Put it into a loop for more rounds: p95 needs 59 of them. Garbage collection rests within
        the block.
        """
        call = self._limits("perf.timer()", name, limits)
        if name not in self._timers:
            self._run.begin(name, self.timer, call, self._place("perf.timer()"))
            self._timers[name] = TimerRounds(name, self._run.session.clock)
            if self._run.session.comparison is not None:
                self._block_policy = self._block_policy or self._run.session.comparison.block_policy(
                    self._run.session.clock
                )
                self._timers[name].block_policy = self._block_policy
        record = self._timers[name]
        if limits or record.effective is None:
            # Limits of several calls of one name hold together; the latest wins over the same metric.
            record.limits = Limits(
                tuple(merge_budgets(call.budgets, record.limits.budgets)),
                call.component or record.limits.component,
                call.max_time_ns or record.limits.max_time_ns,
                name,
                call.max_regression or record.limits.max_regression,
                record.limits.pin if call.pin is None else call.pin,
            )
            record.effective = self._run.resolve(name, record.limits)
        return Timer(record)

    def ratio(
        self,
        new: Callable[[], object],
        reference: Callable[[], object],
        /,
        *,
        max_ratio: float,
        name: str | None = None,
        **limits: Any,  # noqa: ANN401
    ) -> float:
        """Compare the times of two functions in alternating blocks; return new / reference.

        Both are called without arguments, in this process, so the machine's speed cancels out.

        Args:
            new: the function that has a budget.
            reference: the function it is compared with.
            max_ratio: the largest ratio allowed; 0.5 asks for twice as fast.
            name: the measurement's name; new's if not given.
            limits: `component=`, `max_time=`.
        """
        __tracebackhide__ = True
        place = "perf.ratio()"
        for function in (new, reference):
            _refuse_unrunnable(function, place)
        call = self._limits(place, name, limits)
        limit = checked_limit("max_ratio", max_ratio, self._place(place))
        if call.budgets:
            message = (
                f"{self._place(place)}: takes max_ratio only, found {call.budgets[0].keyword}: budget it with perf()"
            )
            raise MisuseError(message)
        if self._run.is_off:
            for function in (new, reference):
                function()
            return 1.0
        own = self._run.begin(name, new, call, self._place(place))
        budget = Budget(Metric(Resource.RATIO), limit, "max_ratio", self._place(place))
        return self._ratio(new, reference, budget, own, call)

    def abandon_timers(self) -> None:
        """End timers whose block was never left: collection of garbage comes back on."""
        for record in self._timers.values():
            record.abandon()

    def finish_timers(self) -> None:
        """Hand the timers' rounds over; called when the test's body has ended."""
        for name, record in self._timers.items():
            effective = record.effective
            if effective is None or self._run.is_off:
                continue
            warnings = ["a tracer or profiler was active: its cost is in these times"] if record.traced else []
            samples = record.samples()
            recording = (
                Recording(samples.blocks, turns=samples.turns, cpus=record.cpus)
                if self._run.ask(name, effective) is not None
                else None
            )
            self._run.keep(
                name, "timer", samples, effective, unsupported=UNSUPPORTED, warnings=warnings, recording=recording
            )
        self.abandon_timers()
        self._timers.clear()

    def _ratio(
        self, new: Callable[[], object], reference: Callable[[], object], budget: Budget, name: str, call: Limits
    ) -> float:
        __tracebackhide__ = True
        effective = self._run.resolve(name, call)
        errors = self._run.session.settings.errors
        subjects = PlainSubject(new), PlainSubject(reference)
        clock = self._run.session.clock
        found = run_plain(compare_ratio(*subjects, budget, errors, max_time_ns=effective.max_time_ns, clock=clock))
        statistics = {"ratio": found.decision.estimate, "median": found.new_ns, "reference_median": found.reference_ns}
        self._run.add(
            Measurement(
                nodeid=self._run.nodeid,
                name=name,
                kind="ratio",
                component=effective.component,
                rounds=found.quads,
                iterations=found.iterations,
                overhead_ns=overhead_ns(clock),
                elapsed_ns=found.elapsed_ns,
                statistics=statistics,
                judgements=[judgement(budget, found.decision)],
            )
        )
        return found.decision.estimate

    def _limits(self, what: str, name: str | None, limits: dict[str, object]) -> Limits:
        if not limits:
            return Limits()
        place = self._place(what)
        try:
            # The call is nearest of all, so it comes before markers that name its measurement.
            return parse_limits(limits, place, name=name, more=_MORE)
        except ConfigError as error:
            unknown = limits.keys() - KEYWORDS.keys() - {"component", "max_time", "max_regression", "pin"}
            foreign = [key for key in unknown if key.partition("_")[2] not in NS_PER]
            hint = "; keywords of the function itself go into functools.partial" if foreign else ""
            message = f"{error}{hint}"
            raise MisuseError(message) from None

    def _place(self, what: str) -> str:
        """Return `perf() in tests/test_api.py:31`, the line of the test that called us."""
        frame = sys._getframe(1)  # noqa: SLF001 - what inspect.currentframe() returns
        while frame.f_back is not None and frame.f_code.co_filename == __file__:
            frame = frame.f_back
        file = Path(frame.f_code.co_filename)
        root = self._run.item.config.rootpath
        shown = os.fspath(file.relative_to(root)) if file.is_relative_to(root) else file.name
        return f"{what} in {shown.replace(os.sep, '/')}:{frame.f_lineno}"


def _refuse_unrunnable(function: object, what: str = "perf()") -> None:
    """Refuse functions whose call does not run their body."""
    name = getattr(function, "__name__", repr(function))
    if not callable(function):
        message = f"{what}: expected a function, found {function!r:.80}: write perf(fn, *args), not perf(fn(*args))"
        raise MisuseError(message)
    if inspect.iscoroutinefunction(function):
        message = f"{what}: {name} is a coroutine function: write `await perf.aio({name}, ...)` in an async test"
        raise MisuseError(message)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        message = (
            f"{what}: {name} is a generator function, its body would not run: consume it, perf(lambda: list({name}()))"
        )
        raise MisuseError(message)
