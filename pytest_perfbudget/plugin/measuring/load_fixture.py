"""The `perf_load` fixture: many users, or many arrivals, against a service."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, overload

import pytest

from pytest_perfbudget.compare.strategy import MeasurementRequest
from pytest_perfbudget.config import duration_ns, parse_limits
from pytest_perfbudget.config.load import PARAMETERS, parse_plan
from pytest_perfbudget.core.capacity_gate import judge_capacity
from pytest_perfbudget.core.kinds import LOAD
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.load.arrivals import Arrival
from pytest_perfbudget.core.load.capacity import CapacitySearch
from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.load.record import LoadRecord
from pytest_perfbudget.core.load.result import CapacityResult, LoadResult
from pytest_perfbudget.core.measurement import Recording
from pytest_perfbudget.core.metrics import CAPACITY
from pytest_perfbudget.core.precedence import EffectiveLimits
from pytest_perfbudget.errors import ConfigError, MisuseError, shown
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.load.call import LoadCall, User
from pytest_perfbudget.measure.load.locust_run import LocustPlan
from pytest_perfbudget.measure.load.process_watch import ProcessWatch
from pytest_perfbudget.measure.load.recorder import LoadRecorder, ThreadRecorder
from pytest_perfbudget.measure.load.running_loop import running_loop
from pytest_perfbudget.measure.load.turns import load_in_turns
from pytest_perfbudget.plugin.measuring.capacity import CapacityPlan, Probes, probes
from pytest_perfbudget.plugin.measuring.load_canaries import CanaryWatch
from pytest_perfbudget.plugin.measuring.load_driver import LoadDriver
from pytest_perfbudget.plugin.measuring.load_run import LoadLooks, judged_load
from pytest_perfbudget.plugin.measuring.never_judged import refuse_in_call
from pytest_perfbudget.plugin.measuring.place import calling_place
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.plugin.measuring.span_watch import NO_SPANS, JudgedSpans, span_watch

_STOPS = (pytest.skip.Exception, pytest.exit.Exception)
"""The exceptions of pytest that end a test without a failure."""

_MOST_THREADS: Final = 10_000
_MOST_TASKS: Final = 100_000
"""The most users of a closed load: more threads, or tasks, would take all memory and never be ready."""

_ONCE = LoadPlan(users=1, requests=1)
"""The load of a process that measures another part of the test."""


class PerfLoad:
    """The `perf_load` fixture, which generates load and holds it to budgets.

    Budgets fail the test only after its body has ended, all of them together.
    """

    def __init__(self, run: MeasuringRun) -> None:
        self._run = run
        self._driver = LoadDriver(run.session.progress)

    @overload
    def __call__(
        self,
        call: Callable[..., Awaitable[Any]],
        /,
        *,
        user: User | None = ...,
        pid: object = ...,
        name: str | None = ...,
        **keywords: Any,  # noqa: ANN401 - checked by parse_plan and parse_limits
    ) -> Awaitable[LoadResult]: ...

    @overload
    def __call__(
        self,
        call: Callable[..., Any],
        /,
        *,
        user: User | None = ...,
        pid: object = ...,
        name: str | None = ...,
        **keywords: Any,  # noqa: ANN401 - checked by parse_plan and parse_limits
    ) -> LoadResult: ...

    def __call__(
        self,
        call: Callable[..., Any],
        /,
        *,
        user: User | None = None,
        pid: object = None,
        name: str | None = None,
        **keywords: Any,
    ) -> LoadResult | Awaitable[LoadResult]:
        """Generate load and return its result; of a coroutine function, return an awaitable of the result.

        Args:
            call: the function that makes one request. An exception or a failed assertion is an error of the request.
            user: a function without arguments that returns a context manager, which may be asynchronous: what one user
                keeps, such as a client with open connections. `call` is given the context manager's value.
            pid: the process that serves the load, for `rss_mb=` and `cpu_percent=`: its id, a `subprocess.Popen` or a
                `psutil.Process`. Child processes are included. Needs the extra `load`.
            name: the measurement's name; by default the function's name.
            keywords: the load (`users=` with `requests=` or `duration=`, `rate=` with `duration=`, or `stages=`),
                `think_time=`, `arrival=`, `warm_up=`, `timeout=`, and limits such as `p95_ms=50`, `min_rps=100`,
                `max_error_rate=0.01`, `spans=`, `component=`.

        Raises:
            MisuseError: the load is impossible, or `call` is no function. The test fails.
        """
        __tracebackhide__ = True
        place = calling_place("perf_load()", self._run.item.config.rootpath, [__file__])
        is_async = _checked(call, place)
        try:
            given: dict[str, object] = {key: keywords.pop(key) for key in PARAMETERS if key in keywords}
            # An unknown keyword comes first, because it may be a parameter of the load with a typo.
            limits = parse_limits(keywords, place, name=name, more=[*PARAMETERS, "user", "pid", "name"])
            plan = parse_plan(given, place)
        except ConfigError as error:
            raise MisuseError(str(error)) from None
        self._refuse_never_judged(limits, place, has_process=pid is not None)
        load = _load_call(call, user, place)
        most = _MOST_TASKS if is_async else _MOST_THREADS
        if plan.users > most:
            message = f"{place}: users={plan.users}: a load has at most {most:,} users: give rate= instead"
            raise MisuseError(message) if is_async else load.no_threads(most, plan.users)
        with _placed(place):
            watch = None if pid is None else ProcessWatch(pid)
        own, plan = self._begin(plan, load, name, limits, place, is_awaited=not is_async)
        if is_async:
            return self._generate_async(plan, load, own, limits, watch)
        return self._generate(plan, load, own, limits, watch)

    @overload
    def capacity(
        self,
        call: Callable[..., Awaitable[Any]],
        /,
        **keywords: Any,  # noqa: ANN401 - checked by parse_limits
    ) -> Awaitable[CapacityResult]: ...

    @overload
    def capacity(self, call: Callable[..., Any], /, **keywords: Any) -> CapacityResult: ...  # noqa: ANN401 - as above

    def capacity(
        self,
        call: Callable[..., Any],
        /,
        *,
        user: User | None = None,
        name: str | None = None,
        first_rate: float = 10.0,
        probe: str = "2s",
        duration: str = "40s",
        arrival: str = Arrival.CONSTANT.value,
        timeout: str = "5s",
        **limits: Any,
    ) -> CapacityResult | Awaitable[CapacityResult]:
        """Find the highest arrival rate that keeps the limits; of a coroutine function, return an awaitable.

        Args:
            call: see `__call__`.
            user: see `__call__`.
            name: the measurement's name; by default the function's name.
            first_rate: the rate of the first load, in requests per second; the rate doubles from there.
            probe: the length of each load.
            duration: the time after which no further load begins.
            arrival: see `__call__`.
            timeout: see `__call__`.
            limits: the limits that a rate has to keep, such as `p95_ms=50`; `min_capacity_rps=` limits the result.

        Raises:
            MisuseError: there is no limit to keep, or a value is impossible. The test fails.
        """
        __tracebackhide__ = True
        place = calling_place("perf_load.capacity()", self._run.item.config.rootpath, [__file__])
        is_async = _checked(call, place)
        try:
            duration_ns(probe, "probe", place)
            given = {"rate": first_rate, "duration": probe, "arrival": arrival, "timeout": timeout}
            first = parse_plan(given, place)
            whole_ns = duration_ns(duration, "duration", place)
            parsed = parse_limits(limits, place, name=name, more=["user", "name", "first_rate", "probe", "duration"])
        except ConfigError as error:
            raise MisuseError(str(error).replace(": rate", ": first_rate")) from None
        self._refuse_never_judged(parsed, place, is_search=True)
        plan = CapacityPlan(first_rate, first.duration_ns, whole_ns, first.arrival, first.timeout_ns)
        load = _load_call(call, user, place)
        own, _ = self._begin(first, load, name, parsed, place, is_awaited=not is_async)
        effective = self._run.resolve(own, parsed)
        conditions = [one for one in effective.budgets if one.metric is not CAPACITY]
        if not conditions:
            message = f"{place}: give the limits that a rate has to keep, such as p95_ms=50"
            raise MisuseError(message)
        if self._run.is_untimed or self._run.session.is_child:
            plan = replace(plan, duration_ns=0)
        search = probes(plan, conditions, self._run.session.settings.errors, SYSTEM.wall_ns)
        return (
            self._search_async(search, load, own, effective) if is_async else self._search(search, load, own, effective)
        )

    def locust(
        self,
        target: object,
        /,
        *,
        users: int = 0,
        duration: str = "",
        spawn_rate: float | None = None,
        workers: int = 0,
        host: str = "",
        name: str | None = None,
        **limits: Any,  # noqa: ANN401 - checked by parse_limits
    ) -> LoadResult:
        """Run a scenario of locust in processes of its own, and hold its requests to limits.

        Args:
            target: the locustfile, from pytest's root folder on, or a user class.
            users: the number of users.
            duration: the length of the load.
            spawn_rate: the number of users that start in a second; by default all of them.
            workers: the number of worker processes, beside a master; by default one process does it all.
            host: the address of the service; by default the one in the locustfile.
            name: the measurement's name; by default the name of the file or the class.
            limits: budgets, `component=`.

        Raises:
            MisuseError: locust is not installed, a value is impossible, or locust made no request. The test fails.
        """
        __tracebackhide__ = True
        root = self._run.item.config.rootpath
        place = calling_place("perf_load.locust()", root, [__file__])
        try:
            plan = parse_plan({"users": users, "duration": duration}, place)
            parsed = parse_limits(limits, place, name=name, more=["users", "duration", "spawn_rate", "workers", "host"])
        except ConfigError as error:
            raise MisuseError(str(error)) from None
        self._refuse_never_judged(parsed, place)
        if self._run.is_untimed or self._run.session.is_child:
            return LoadResult(0, 0, 0.0, {})
        named = name or getattr(target, "__name__", Path(str(target)).stem)
        own = self._run.begin(named, self.locust, parsed, place)
        with _placed(place):
            load = LocustPlan.of(
                target,
                root,
                users=plan.users,
                spawn_rate=float(spawn_rate or plan.users),
                duration_ns=plan.duration_ns,
                workers=workers,
                host=host,
            )
            record = load.run()
        return self._keep(record, own, parsed, None)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a part of a request; the parts with the same name are described together in the result."""
        recorder = self._driver.recorder
        if recorder is None:
            yield
            return
        start_ns = recorder.now_ns()
        yield
        recorder.step(name, start_ns, recorder.now_ns())

    def _search(self, search: Probes, call: LoadCall, name: str, effective: EffectiveLimits) -> CapacityResult:
        __tracebackhide__ = True
        found, late = self._driver.drive(search, call)
        return self._keep_capacity(found, late, name, effective)

    async def _search_async(
        self, search: Probes, call: LoadCall, name: str, effective: EffectiveLimits
    ) -> CapacityResult:
        __tracebackhide__ = True
        if not self._run.is_untimed:
            self._run.note_awaited(name)
        found, late = await self._driver.drive_async(search, call)
        return self._keep_capacity(found, late, name, effective)

    def _keep_capacity(
        self, search: CapacitySearch, late: str, name: str, effective: EffectiveLimits
    ) -> CapacityResult:
        if not self._run.is_untimed and not self._run.session.is_child:
            limits = [one for one in effective.budgets if one.metric is CAPACITY]
            broken = next((one for one in reversed(search.probes) if not one.is_kept), None)
            notes = [f"the search ended early: {late}"] if late else []
            notes += [f"at {broken.rate:,.4g} requests per second: {broken.reason}"] if broken else []
            self._run.add(
                replace(
                    self._run.blank(name, LOAD, effective),
                    rounds=len(search.probes),
                    statistics={CAPACITY.name: search.estimate},
                    budgets=[judge_capacity(one, search, late) for one in limits],
                    warnings=notes,
                )
            )
        return CapacityResult.of(search)

    def _generate(
        self, plan: LoadPlan, call: LoadCall, name: str, limits: Limits, watch: ProcessWatch | None
    ) -> LoadResult:
        __tracebackhide__ = True
        compared = self._compared(plan, name, limits)
        if compared is not None and compared.turns is not None:
            recording, record = self._driver.drive(load_in_turns(plan, name, compared.turns), call)
            return self._keep_recording(recording, record, name, limits)
        recorder = ThreadRecorder()
        look = LoadLooks(self._run, recorder, plan, name, limits)
        watched = CanaryWatch(compared)
        spans = span_watch(self._run, self._run.resolve(name, limits), SYSTEM, is_load=True)
        with spans.listening():
            request = spans.load(call, is_async=False)
            record = self._driver.generate(self._own_part(plan, compared), request, recorder, look, watch)
        judged = spans.judged(load_begin_ns=recorder.begin_ns)
        return self._keep(record, name, limits, watched.recording(record), spans=judged)

    async def _generate_async(
        self, plan: LoadPlan, call: LoadCall, name: str, limits: Limits, watch: ProcessWatch | None
    ) -> LoadResult:
        __tracebackhide__ = True
        if not self._run.is_untimed:
            self._run.note_awaited(name)
        compared = self._compared(plan, name, limits)
        if compared is not None and compared.turns is not None:
            recording, record = await self._driver.drive_async(load_in_turns(plan, name, compared.turns), call)
            return self._keep_recording(recording, record, name, limits)
        recorder = LoadRecorder()
        look = LoadLooks(self._run, recorder, plan, name, limits)
        watched = CanaryWatch(compared)
        spans = span_watch(self._run, self._run.resolve(name, limits), SYSTEM, is_load=True)
        with spans.listening():
            request = spans.load(call, is_async=True)
            record = await self._driver.generate_async(self._own_part(plan, compared), request, recorder, look, watch)
        judged = spans.judged(load_begin_ns=recorder.begin_ns)
        return self._keep(record, name, limits, watched.recording(record), spans=judged)

    def _begin(
        self, plan: LoadPlan, call: LoadCall, name: str | None, limits: Limits, place: str, *, is_awaited: bool
    ) -> tuple[str, LoadPlan]:
        """Return the name of the measurement, and the load to generate: one request if nothing is timed."""
        if self._driver.recorder is not None:
            message = f"{place}: another load of this test is running: await one before the next"
            raise MisuseError(message)
        importlib.import_module("scipy.special")  # a look at the running load needs it, and the import takes 0.3 s
        if self._run.is_untimed:
            return name or "", _ONCE
        return self._run.begin(name, call.function, limits, place, is_awaited=is_awaited), plan

    def _refuse_never_judged(
        self, limits: Limits, place: str, *, has_process: bool = False, is_search: bool = False
    ) -> None:
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

    def _keep_recording(self, recording: Recording, record: LoadRecord, name: str, limits: Limits) -> LoadResult:
        """Keep the recording of a process of a duet, which judges nothing."""
        blank = self._run.blank(name, LOAD, self._run.resolve(name, limits))
        self._run.add(replace(blank, recording=self._run.completed(recording, name, LOAD)))
        return LoadResult.of(record)

    def _keep(
        self,
        record: LoadRecord,
        name: str,
        limits: Limits,
        recording: Recording | None,
        spans: JudgedSpans = NO_SPANS,
    ) -> LoadResult:
        if not self._run.is_untimed:
            effective = self._run.resolve(name, limits)
            if self._run.session.is_child:  # a fresh process only records
                effective = replace(effective, budgets=())
            doubts = [*self._driver.unfinished(), *spans.warnings]
            found = judged_load(self._run, record, name, effective, recording, *doubts)
            self._run.add(replace(found, budgets=[*found.budgets, *spans.results], spans=spans.facts))
        return LoadResult.of(record)


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Begin the message of a mistake with the line of the test that made the mistake."""
    try:
        yield
    except MisuseError as error:
        message = f"{place}: {error}"
        raise MisuseError(message) from None


def _load_call(call: Callable[..., Any], user: User | None, place: str) -> LoadCall:
    """Return the request of a load, after a check of its user."""
    if user is not None and not callable(user):
        message = f"{place}: user= must be a function that returns a context manager, found {shown(user)}"
        raise MisuseError(message)
    return LoadCall(call, user, _STOPS, place)


def _checked(call: object, place: str) -> bool:
    """Return whether a call is a coroutine function, after a check that it can be called here."""
    if not callable(call):
        message = (
            f"{place}: expected a function, found {shown(call)}: write perf_load(fn, ...), not perf_load(fn(), ...)"
        )
        raise MisuseError(message)
    name = getattr(call, "__name__", type(call).__name__)
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        message = f"{place}: {name} is a generator function, its body would not run: make it a function"
        raise MisuseError(message)
    plain = call.func if isinstance(call, partial) else call
    is_async = inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(type(plain).__call__)
    if is_async:
        try:
            running_loop()
        except RuntimeError:
            message = f"{place}: {name} is a coroutine function: write `await perf_load({name}, ...)` in an async test"
            raise MisuseError(message) from None
    return is_async
