"""The `perf_load` fixture: many users, or many arrivals, against a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from pytest_perfbudget.config import duration_ns, parse_limits
from pytest_perfbudget.config.load import PARAMETERS, parse_plan
from pytest_perfbudget.core.capacity_gate import conditions_of
from pytest_perfbudget.core.load.arrivals import Arrival
from pytest_perfbudget.core.load.result import CapacityResult, LoadResult
from pytest_perfbudget.errors import ConfigError, MisuseError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.load.call import User
from pytest_perfbudget.measure.load.locust_run import LocustPlan
from pytest_perfbudget.measure.load.process_watch import ProcessWatch
from pytest_perfbudget.plugin.measuring.capacity import CapacityPlan, probes
from pytest_perfbudget.plugin.measuring.load_arguments import (
    MOST_TASKS,
    MOST_THREADS,
    NO_CALL,
    function_name,
    is_awaited,
    load_call,
    named,
    placed,
    refuse_arguments,
    refuse_longer_probe,
    refuse_parameters,
)
from pytest_perfbudget.plugin.measuring.measured_loads import MeasuredLoads
from pytest_perfbudget.plugin.measuring.place import calling_place
from pytest_perfbudget.plugin.measuring.plain_results import plain
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun
from pytest_perfbudget.processes.reaped import ReapedProcess
from pytest_perfbudget.tracing import track


class PerfLoad:
    """The `perf_load` fixture, which generates load and holds it to budgets.

    Budgets fail the test only after its body has ended, all of them together.
    """

    def __init__(self, run: MeasuringRun) -> None:
        self._run = run
        self._loads = MeasuredLoads(run)

    @overload
    def __call__(
        self,
        call: Callable[..., Awaitable[Any]],
        /,
        *,
        user: User | None = ...,
        pid: object = ...,
        no_answer: object = ...,
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
        no_answer: object = ...,
        name: str | None = ...,
        **keywords: Any,  # noqa: ANN401 - checked by parse_plan and parse_limits
    ) -> LoadResult: ...

    def __call__(
        self,
        call: Callable[..., Any] = NO_CALL,
        /,
        *arguments: object,
        user: User | None = None,
        pid: object = None,
        no_answer: object = None,
        name: str | None = None,
        **keywords: Any,
    ) -> LoadResult | Awaitable[LoadResult]:
        """Generate load and return its result; of a coroutine function, return an awaitable of the result.

        Args:
            call: the function that makes one request. An exception or a failed assertion is an error of the request.
            *arguments: refused.
            user: a function without arguments that returns a context manager, which may be asynchronous: what one user
                keeps, such as a client with open connections. `call` is given the context manager's value.
            pid: the process that serves the load, for `rss_mb=` and `cpu_percent=`: its id, a `subprocess.Popen` or a
                `psutil.Process`. Child processes are included. Needs the extra `load`.
            no_answer: the errors which say that no answer came: their class or classes, or a function that is given an
                error; by default the timeouts of common clients.
            name: the measurement's name; by default the function's name.
            keywords: the load (`users=` with `requests=` or `duration=`, `rate=` with `duration=`, or `stages=`),
                `think_time=`, `arrival=`, `warm_up=`, `timeout=`, and limits such as `p95_ms=50`, `min_rps=100`,
                `max_error_rate=0.01`, `spans=`, `component=`.

        Raises:
            MisuseError: the load is impossible, or `call` is no function. The test fails.
        """
        __tracebackhide__ = True
        place = calling_place("perf_load()", self._run.item.config.rootpath, [__file__])
        refuse_arguments(call, arguments, place)
        is_async = is_awaited(call, place)
        if name is not None:
            named(name, place, "name=")
        try:
            given: dict[str, object] = {key: keywords.pop(key) for key in PARAMETERS if key in keywords}
            # An unknown keyword comes first, because it may be a parameter of the load with a typo.
            limits = parse_limits(keywords, place, name=name, more=[*PARAMETERS, "user", "pid", "no_answer", "name"])
            plan = replace(parse_plan(given, place), has_user=user is not None)
        except ConfigError as error:
            raise MisuseError(str(error)) from None
        self._loads.refuse_never_judged(limits, place, has_process=pid is not None)
        load = load_call(call, user, no_answer, place)
        most = MOST_TASKS if is_async else MOST_THREADS
        if plan.users > most:
            message = f"{place}: users={plan.users}: a load has at most {most:,} users: give rate= instead"
            raise MisuseError(message) if is_async else load.no_threads(most, plan.users)
        with placed(place):
            watch = None if pid is None else ProcessWatch(pid)
        own, plan = self._loads.begin(plan, load, name, limits, place, is_awaited=not is_async)
        if is_async:
            return self._loads.generate_async(plan, load, own, limits, watch)
        return plain(self._loads.generate(plan, load, own, limits, watch), place, function_name(call))

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
        call: Callable[..., Any] = NO_CALL,
        /,
        *arguments: object,
        user: User | None = None,
        no_answer: object = None,
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
            *arguments: refused.
            user: see `__call__`.
            no_answer: see `__call__`.
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
        refuse_arguments(call, arguments, place)
        refuse_parameters(limits, place)
        is_async = is_awaited(call, place)
        if name is not None:
            named(name, place, "name=")
        try:
            duration_ns(probe, "probe", place)
            given = {"rate": first_rate, "duration": probe, "arrival": arrival, "timeout": timeout}
            first = parse_plan(given, place)
            whole_ns = duration_ns(duration, "duration", place)
            refuse_longer_probe(first.duration_ns, whole_ns, place, probe=probe, duration=duration)
            more = ["user", "no_answer", "name", "first_rate", "probe", "duration"]
            parsed = parse_limits(limits, place, name=name, more=more)
        except ConfigError as error:
            raise MisuseError(str(error).replace(": rate", ": first_rate")) from None
        self._loads.refuse_never_judged(parsed, place, is_search=True)
        if next(first.starts(), None) is None:  # of Poisson arrivals
            message = (
                f"{place}: no request is due in a probe of {probe} at first_rate={first_rate:g}: give a longer probe="
            )
            raise MisuseError(message)
        plan = CapacityPlan(first_rate, first.duration_ns, whole_ns, first.arrival, first.timeout_ns)
        load = load_call(call, user, no_answer, place)
        own, _ = self._loads.begin(first, load, name, parsed, place, is_awaited=not is_async)
        effective = self._run.resolve(own, parsed)
        conditions = conditions_of(effective.budgets)
        if not conditions:
            message = f"{place}: give the limits that a rate has to keep, such as p95_ms=50"
            raise MisuseError(message)
        if self._run.is_untimed or self._run.session.is_child:
            plan = replace(plan, duration_ns=0)
        search = probes(plan, conditions, self._run.session.settings.errors, SYSTEM.wall_ns)
        if is_async:
            return self._loads.search_async(search, load, own, effective)
        return plain(self._loads.search(search, load, own, effective), place, function_name(call))

    def locust(
        self,
        target: object = NO_CALL,
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
        if target is NO_CALL:
            message = f"{place}: give a locustfile or a user class: write perf_load.locust('locustfile.py', ...)"
            raise MisuseError(message)
        try:
            plan = parse_plan({"users": users, "duration": duration}, place)
            parsed = parse_limits(limits, place, name=name, more=["users", "duration", "spawn_rate", "workers", "host"])
        except ConfigError as error:
            raise MisuseError(str(error)) from None
        self._loads.refuse_never_judged(parsed, place)
        if self._run.is_untimed or self._run.session.is_child:
            return plain(LoadResult(0, 0, 0.0, {}), place)
        if name is not None:
            named(name, place, "name=")
        own_name = name or getattr(target, "__name__", Path(str(target)).stem)
        own = self._run.begin(own_name, self.locust, parsed, place)
        with self._run.kept.awaited(own, place), placed(place):
            load = LocustPlan.of(
                target,
                root,
                users=plan.users,
                spawn_rate=float(spawn_rate or plan.users),
                duration_ns=plan.duration_ns,
                workers=workers,
                host=host,
            )
            record = load.run(ReapedProcess)
        return plain(self._loads.keep(record, own, parsed, None), place)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a part of a request; the parts with the same name are described together in the result.

        A part is a span, too, so `spans=` limits its time, its number and its share.

        Raises:
            MisuseError: the name is no text of a single line.
        """
        named(name, "perf_load.step()", "a name")
        recorder = self._loads.recorder
        if recorder is None:
            yield
            return
        start_ns = recorder.now_ns()
        try:
            with track(name):
                yield
        finally:  # a step that raises has taken its time as well
            recorder.step(name, start_ns, recorder.now_ns())
